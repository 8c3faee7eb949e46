"""What stands before the routes: who is let in, how often, and what is said to the others.

- `addresses`: where a request comes from, as far as those that passed it on can be believed
- `asking`: what a guard may know of a request
- `bans`: who is banned: looked up at every request, so from a copy
- `browser`: whether a browser asks, as far as it says so itself
- `chain`: all guards in their order, and what they make of the routes' own refusals
- `denials`: the guards' refusals
- `forwarded`: RFC 7239's `Forwarded`: for whom a proxy asks, in one header instead of three
- `frames`: denials as LibreChat says them: 200, and an error among the events of a stream
- `moderation`: a moderation is asked before a model is: any with OpenAI's endpoint for it
- `outage`: what a guard needs is away: it lets through, and says so once
- `rates`: how often somebody may ask
- `senders`: who sent a request, where two kinds of headers may say so
- `sharing`: what the guards of all replicas share: in Redis where there is one
- `violations`: what violations come to: scores, and then bans
"""
