package ports

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

func TestAPortIsGivenOnce(t *testing.T) {
	seen := map[int]bool{}
	for range 300 {
		port, err := Free()
		if err != nil {
			t.Fatal(err)
		}
		if port < first || port >= last || seen[port] {
			t.Fatalf("port %d, after %d others", port, len(seen))
		}
		seen[port] = true
	}
	one, other, err := Pair()
	if err != nil || seen[one] || seen[other] || one == other {
		t.Fatal(one, other, err)
	}
	ln, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if port := ln.Addr().(*net.TCPAddr).Port; seen[port] || port == one || port == other {
		t.Errorf("port %d is given twice", port)
	}
}

// TestAnotherProcessTakesOthers looks for every port that is given here, while nothing listens there, in a process of
// its own.
func TestAnotherProcessTakesOthers(t *testing.T) {
	const asked = "DROVER_TEST_PORTS"
	if list := os.Getenv(asked); list != "" {
		for one := range strings.SplitSeq(list, ",") {
			port, err := strconv.Atoi(one)
			if err != nil {
				t.Fatal(err)
			}
			if ln, err := mark(port); err == nil {
				fmt.Printf("port %d is given twice\n", port)
				ln.Close()
			}
		}
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has sockets without a file")
	}
	var list []string
	for range 20 {
		port, err := Free()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, strconv.Itoa(port))
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), asked+"="+strings.Join(list, ","))
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "twice") || !strings.Contains(string(out), "PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}
