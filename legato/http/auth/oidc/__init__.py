"""Login at an identity provider: OpenID Connect's authorization code flow with PKCE.

- `errors`: the ways in which a login at a provider fails, each with a page for people
- `exchange`: the exchange of an authorization code for an ID token
- `flows`: logins under way, each bound to a browser by a cookie
- `id_token`: the checks of an ID token, and the user in an ID token
- `provider`: the identity provider: the discovery document, the keys, and a login's two steps
- `routes`: the routes to the provider and back
"""
