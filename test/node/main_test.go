//go:build linux

package node

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/drover-dev/drover/test/testenv"
)

func TestMain(m *testing.M) {
	if os.Getenv("DROVER_TEST_NODE") != "1" {
		fmt.Fprintln(os.Stderr, "test/node: SKIPPED: nothing is proven on a real node; run `make test-node`, as root")
		os.Exit(0)
	}
	err := testenv.Enclose(func() error {
		_, err := testenv.Binaries(context.Background(), os.Stderr,
			"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
		return err
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "test/node:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
