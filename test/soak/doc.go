// Package soak runs random commits, slips, live edits and kills against real control planes, a real hub and real
// agents, and judges the result by a model of its own: what each commit asks of each cluster is known, because the soak
// writes the files. Every delete is read from the API servers' audit logs. A delete is wrong if Git did not ask for it, or if the
// deletion guard should have held it and nobody approved it.
//
//   - model.go: what the repository holds; ask.go: what a commit asks of a cluster
//   - guard.go: the deletion guard, stated independently of package fleet; ledger.go: the judge, without I/O
//   - ops.go, slips.go, slips_app.go, faults.go: what the soak does; turn.go: which of it, and how it is committed
//   - fleet.go: the programs; audit.go: the audit logs; status.go: `drover status`; check.go: Git against the clusters
//   - soak.go: the loop
package soak
