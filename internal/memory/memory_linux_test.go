package memory_test

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/drover-dev/drover/internal/memory"
)

// resident is how much of the program's file is in memory, in kB.
func resident(t *testing.T) (kb int) {
	t.Helper()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "RssFile:"); ok {
			if _, err := fmt.Sscan(value, &kb); err != nil {
				t.Fatal(err)
			}
		}
	}
	return kb
}

func TestReleaseDropsTheProgramAndItGoesOn(t *testing.T) {
	before := resident(t)
	memory.Release()
	after := resident(t)
	if after >= before {
		t.Errorf("%d kB of the program were in memory, and %d kB are", before, after)
	}
	if got := fmt.Sprint("it ", "goes on"); got != "it goes on" {
		t.Error(got)
	}
}
