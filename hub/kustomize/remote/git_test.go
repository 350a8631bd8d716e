package remote

import (
	"io"
	"log"
	"path"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/resource"
)

// spellings are addresses in every way in which kustomize takes them, and some that it does not take.
var spellings = []string{
	"https://github.com/o/r", "https://github.com/o/r/", "https://github.com/o/r//", "https://github.com/o/r//path/to?ref=v1.0.0",
	"https://github.com/o/r/path/to?ref=main", "https://github.com/o/r.git//path?ref=abc", "https://github.com/o/r.git/path?ref=abc",
	"https://github.com/o/r.git?ref=abc", "https://github.com/o/r.gitfoo/x", "https://GitHub.com/o/r//x", "HTTPS://github.com/o/r//x",
	"http://github.com/o/r//x", "https://user@github.com/o/r//x?ref=1", "ssh://git@github.com/o/r//x?ref=1", "ssh://github.com/o/r//x",
	"git@github.com:o/r", "git@github.com:o/r.git//x?ref=v1", "git@github.com/o/r//x", "org-12345@github.com:o/r//x",
	"github.com/o/r", "github.com/o/r//x?ref=v1", "github.com:o/r//x", "github.com/o", "GITHUB.COM/o/r//x",
	"git::https://github.com/o/r//x?ref=v1", "GIT::https://gitlab.com/o/r//x", "git::git@gitlab.com:o/r.git//x", "git::ssh://git@gitlab.com/o/r.git//x", "git::gitlab.com/o/r",
	"https://gitlab.com/o/r//x?ref=v1", "https://gitlab.com/o/group/r.git//x?ref=v1", "https://gitlab.com/o/group/r//x", "https://gitlab.com/o/group/r/x",
	"https://gitlab.com/o", "https://gitlab.com", "https://gitlab.com/", "gitlab.com/o/r//x", "git@gitlab.com:o/r//x", "git@gitlab.com:2222/o/r.git//x",
	"ssh://git@host.xz:7999/o/r.git//x?ref=v1", "ssh://host.xz/~u/r.git/x", "user@host.xz/o/r.git//x",
	"https://dev.azure.com/org/project/_git/repo/path/to?ref=main", "https://user@dev.azure.com/org/project/_git/repo//path?version=v1", "https://h/_git/r",
	"https://bitbucket.org/o/r.git//x?ref=v1&timeout=90s", "https://github.com/o/r//x?timeout=120&ref=v1&submodules=false", "https://github.com/o/r//x?submodules=0",
	"https://github.com/o/r//x?submodules=nope", "https://github.com/o/r//x?version=v1&ref=v2", "https://github.com/o/r//x?ref=a%2Fb", "https://github.com/o/r//x?ref=%zz",
	"https://github.com/o/r//../x", "https://github.com/o/r//a/../../x", "https://github.com/o/r/../x", "https://github.com/o/r//a/../b", "https://github.com/o/r///x",
	"https://user:pass@host.xz/o/r//x", "https://host.xz:8443/o/r//x", "https://raw.githubusercontent.com/o/r/main/x.yaml", "https://example.com/x.yaml",
	"file:///srv/git/r.git//x?ref=v1", "file:///srv/git/r", "file://srv", "file://",
	"git-codecommit::https://h/r", "hg::https://h/r", "s3://bucket/x", "gh:o/r", "gh:o/r//x?ref=v1", "gl:o/r", "git@host", "git@:o/r", "a@b", "@github.com/o/r",
	"base", "../base", "./github.com/o/r", "base/github.com/o/r", "github.common/o/r", "notgithub.com/o/r", "/abs/github.com/o/r", "C:/o/r", "", ".", "..", "a?ref=b", "x.git", "x//y",
	"https://github.com//o/r", "https:///o/r", "https://github.com/o//r", "ssh://", "https://", "git::", "git::base", "github.com:", "github.com/",
}

// TestAddressesMeanWhatTheyMeanToKustomize: its own parser, as resource.Origin shows what it finds, is the oracle.
func TestAddressesMeanWhatTheyMeanToKustomize(t *testing.T) {
	log.SetOutput(io.Discard) // kustomize warns of git::
	repositories := 0
	for _, address := range spellings {
		compare(t, address)
		if _, ok := Git(address); ok {
			repositories++
		}
	}
	if repositories < 50 || repositories > len(spellings)-20 {
		t.Errorf("%d of %d addresses are of repositories: the list compares one side only", repositories, len(spellings))
	}
}

func FuzzAddressesMeanWhatTheyMeanToKustomize(f *testing.F) {
	log.SetOutput(io.Discard)
	for _, address := range spellings {
		f.Add(address)
	}
	f.Fuzz(compare)
}

func compare(t *testing.T, address string) {
	origin := (&resource.Origin{Path: "before"}).Append(address)
	got, ok := Git(address)
	if ok != (origin.Repo != "") {
		t.Errorf("%q: a repository: %t; to kustomize it is %q", address, ok, origin.Repo)
		return
	}
	if !ok {
		return
	}
	folder := path.Clean("/" + got.Folder)[1:]
	want := origin.Path
	if want == "notCloned" && folder == "" {
		want = "" // the name that a folder of kustomize's has before there is one
	}
	if got.URL != origin.Repo || got.Ref != origin.Ref || folder != want {
		t.Errorf("%q: got %q, %q, %q; kustomize takes it for %q, %q, %q", address, got.URL, got.Ref, folder, origin.Repo, origin.Ref, want)
	}
	if strings.Contains(address, "submodules=0") && got.Submodules || strings.Contains(address, "submodules=nope") && !got.Submodules {
		t.Errorf("%q: submodules: %t", address, got.Submodules)
	}
}
