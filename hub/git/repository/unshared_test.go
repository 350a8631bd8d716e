package repository

import (
	"fmt"
	"testing"

	"github.com/drover-dev/drover/hub/git/gittest"
)

// What was read belongs to who read it.
func TestContentIsNotShared(t *testing.T) {
	r := gittest.New(t)
	for i := range 5 {
		r.Commit(fmt.Sprint(i), gittest.Content(i))
	}
	r.Git("repack", "-q", "-a", "-d", "-f")
	snap := at(r, "HEAD")
	for range 3 {
		for i := range 5 {
			data, err := snap.ReadFile(fmt.Sprint(i))
			if err != nil || string(data) != gittest.Content(i) {
				t.Fatalf("%.20q, %v", data, err)
			}
			clear(data)
		}
	}
}
