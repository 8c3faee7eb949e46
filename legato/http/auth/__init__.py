"""Authentication: tokens, sessions and API keys.

- `access`: access to the paths: people by tokens everywhere, programs by API keys at OpenAI's APIs
- `api_keys`: API keys: the form of a key, and the minting
- `authenticator`: authentication of a user: by bearer token, or by the page's session cookie from
  the page's own origin
- `entering`: the beginning of a session: who is logged in so far, the cookie, the way to the page
- `fetching`: requests to an identity provider, bounded in time and in bytes
- `jwks`: the public keys of an identity provider, fetched from a JWKS URL and kept
- `kept_document`: a document of an identity provider, fetched when needed, and kept
- `key_ring`: lookup of API keys in storage, with a copy in memory for a moment
- `keys`: routes for people to make and delete API keys; an API key cannot ask here
- `login_page`: the page for a login, and for a refused login
- `logins`: one-time login tokens, which give a browser without a JWT a session
- `revoked`: a copy of the revoked sessions and tokens, which a task keeps fresh
- `sessions`: sessions of the page: login by a token or a link, and logout
- `tokens`: JSON Web Tokens: the user that a token names, and the signing of our own tokens

The folder `oidc` is login at an identity provider, by OpenID Connect.
"""
