package planning

import (
	"testing"
)

func TestOneRepositoryHasManyAddresses(t *testing.T) {
	same := []string{
		"https://github.com/org/fleet", "https://github.com/org/fleet.git", "https://github.com/org/fleet/", "https://GitHub.com/org/fleet",
		"https://token@github.com/org/fleet", "ssh://git@github.com/org/fleet", "ssh://git@github.com:22/org/fleet.git",
		"git@github.com:org/fleet.git", "github.com:org/fleet", "http://github.com:8080/org/fleet",
	}
	for _, s := range same {
		if !SameRepository(same[0], s) {
			t.Errorf("%s is taken for another repository than %s", s, same[0])
		}
	}
	for _, s := range []string{
		"https://github.com/org/other", "https://gitlab.com/org/fleet", "https://github.com/fleet", "git@github.com:other/fleet.git",
		"https://github.com/org/fleet/sub", "/org/fleet", "", "https://github.com/org/Fleet", "oci://ghcr.io/org/fleet",
	} {
		if SameRepository(same[0], s) {
			t.Errorf("%q is taken for the same repository as %s", s, same[0])
		}
	}
	if !SameRepository("/srv/git/fleet.git", "file:///srv/git/fleet") {
		t.Error("a path and its file:// address are not taken for one repository")
	}
}
