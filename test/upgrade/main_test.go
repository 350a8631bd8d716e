package upgrade

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/drover-dev/drover/test/testenv"
)

// agents is how many agents the tests of one run may have, each with a user of its own at the API server.
const agents = 60

// former and current are the folders with the programs of the last release and of this one.
var former, current string

func TestMain(m *testing.M) {
	if os.Getenv("DROVER_TEST_UPGRADE") != "1" {
		fmt.Fprintln(os.Stderr, "test/upgrade: SKIPPED: nothing is proven about upgrades; run `make test-upgrade`")
		os.Exit(0)
	}
	var err error
	if former, err = buildRelease(context.Background(), lastRelease, os.Stderr); err == nil {
		_, err = testenv.Binaries(context.Background(), os.Stderr,
			"etcd", "kube-apiserver", "kube-controller-manager", "nats-server")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "test/upgrade:", err)
		os.Exit(1)
	}
	testenv.Main(m, testenv.WithControllers(), testenv.WithNodes(2), testenv.WithUsers(userNames()...),
		testenv.WithAuditPolicy(auditPolicy()))
}
