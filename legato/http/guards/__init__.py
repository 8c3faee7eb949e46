"""Guards before the routes: bans, rates, moderation, and the refusals of these.

- `addresses`: the client's address, as far as the trusted proxies name the client
- `bans`: bans, looked up at every request, so from a copy
- `browser`: recognizes browsers by the `User-Agent`
- `chain`: all guards in their order, and the guards' judgement of the routes' own refusals
- `contract`: the facts of a request that a guard may know, and the protocols of a guard and of
  them all
- `denials`: the guards' refusals
- `forwarded`: RFC 7239's `Forwarded`: the client of a proxy, in one header instead of three
- `frames`: denials in LibreChat's form: 200, and an error among the events of a stream
- `moderation`: moderation before the model: any service with OpenAI's endpoint for moderations
- `outage`: an outage of a service that a guard needs: the guard goes on, the log has one line
- `rates`: limits on how often a client may ask
- `senders`: the sender of a request, out of two kinds of headers
- `sharing`: the state that the guards of all replicas share: in Redis, where Redis is configured
- `violations`: violations counted as scores, and bans for high scores
"""
