"""Who is asking: tokens, sessions and API keys.

- `access`: who may come in, and where: people by their tokens everywhere, programs by API keys
- `api_keys`: API keys: how one looks, and how one is made
- `authenticator`: who is asking: a bearer token, or the page's session cookie from the page's own
  origin
- `jwks`: the public keys of an identity provider, fetched from its JWKS URL and kept
- `key_ring`: which API keys are good: looked up in storage, and remembered for a moment
- `keys`: API keys, made and deleted by people: a key itself comes nowhere near these routes
- `logins`: one-time login tokens: how a browser that has no JWT comes by a session
- `revoked`: which sessions and tokens are not good any more: a copy that a task of its own keeps
  fresh
- `sessions`: sessions of the page: how one begins, how a person ends it, and what is said where
  none does
- `tokens`: JSON Web Tokens: who a token says its bearer is, and the signing of our own
"""
