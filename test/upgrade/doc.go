// Package upgrade walks fleets from the last release to this one and back, with the programs of both: a real
// kube-apiserver with its audit log, real NATS servers and a real Git repository. It judges by the audit log: nothing
// is deleted that Git did not take away, no hook runs twice, and no cluster has to join again. Where
// DROVER_TEST_UPGRADE is not 1 everything is skipped; `make test-upgrade` sets it.
//
// It may import test/testenv alone: what it tests are programs.
package upgrade
