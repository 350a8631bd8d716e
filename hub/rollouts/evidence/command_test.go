package evidence

import (
	"os/exec"
	"strings"
	"testing"
)

// A shell reads the words of a command as they are meant.
func TestACommandCanBePasted(t *testing.T) {
	t.Parallel()
	text := Command("", "env in (a, b)", "production", []string{"web", "it's; $(id) `id`"})
	said, err := exec.Command("sh", "-c", "printf '<%s>' "+text).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := "<drover><rollback><-l><env in (a, b)><--policy><production><--app><web><--app><it's; $(id) `id`>"
	if string(said) != want {
		t.Errorf("a shell reads %s, want %s", said, want)
	}
	if got := Command("eu-1", "", "p", nil); got != "drover rollback eu-1 --policy p" {
		t.Errorf("of one cluster: %s", got)
	}
	if got := Word("two\nlines"); strings.Contains(got, "\n") || Word("") != "''" {
		t.Errorf("got %q, and %q for nothing", got, Word(""))
	}
}
