// Package bench measures Drover against its limits: the real programs, as processes of their own, on a real etcd that
// waits for its disk and real API servers. Each measure stands beside what the same machine can do at best, and the two
// are taken in turn, round by round, so that a machine that is busy or slow is so for both. Ratios are worth more than
// milliseconds.
//
// Clocks start before a cause (a ref moves, a bundle is published, an edit is answered) and stop when a watch on the API
// server shows the effect; nothing is polled. What is claimed to be zero is counted.
//
// Control planes run without controllers, except where health has to settle first (B11): what a Deployment sets off in a
// cluster is none of Drover's time.
//
// It may import protocol, testenv and, for sessions as agents hold them, agent and agent/nats. Nothing imports it but its command.
package bench
