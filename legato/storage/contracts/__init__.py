"""What every storage promises, whichever database is behind it.

- `agents`: every version of each agent, and who may do what with it: the contract
- `bans`: who is banned, and what speaks against whom: the contract
- `erasure`: removing what is stored, a bounded step at a time: the contract
- `errors`: what storage refuses, and how its failures are named
- `journal`: what every journal of logs promises: a log outlives the process that says it
- `keys`: what storage promises about API keys: it never has one, only what tells that it is the
  one
- `quotas`: what one user may store, and what counts towards it: the contract
- `records`: what every storage of conversations promises
- `replicas`: what replicas promise each other through what they share: who lives, whose jobs, and
  packets
- `responses`: what is kept for the Responses API: the contract
- `revocations`: which sessions and tokens are not good any more, though they have not expired:
  the contract
"""
