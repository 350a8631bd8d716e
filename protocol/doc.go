// Package protocol is the wire between the hub and its agents: names, NATS subjects, the
// messages, how they are signed and sealed, and the version they carry.
//
// It imports the standard library only, so that a program that speaks with Drover links nothing else.
// Everything here arrives from outside on one of the two sides: every decoder treats its input as
// hostile and says what is wrong with it.
//
// # Rules
//
//   - Messages are JSON. Fields and kinds that a reader does not know are ignored; tests inject
//     them. Nothing in testdata/ is ever changed or taken away: what was once sent is decoded for ever.
//   - A bundle is a DSSE envelope (ed25519) over the JSON of a Bundle, sealed (HPKE, RFC 9180) to
//     the one cluster it is for. A blob is encrypted with a key that only bundles carry. The bus sees
//     names, sizes and times, and nothing else.
//   - Subjects and bucket names come from this package and from nowhere else.
//
// # Diary of Version
//
//   - 1 (November 2026): bundle, report, event, credential, as they were first sent. The same month, before any release: join
//     token, key request, hello, grant, ask; reports and events are signed by their cluster and sealed to the hub.
//     Epochs and presence, by which hubs are told from each other.
//     Questions within asks, and answers: an agent that does not know them ignores the ask, and its reports do not
//     say that it answers.
package protocol

// Version is the version of the wire this package speaks. It rises only when an older reader
// would do something wrong with a newer message; a new optional field does not raise it. See the diary in
// the package documentation.
const Version = 1
