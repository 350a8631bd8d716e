package release

import (
	"reflect"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// An app that waits says what declares it, also where a hub that said nothing of that released it: its agent would
// otherwise take it for another one.
func TestAnAppThatWaitsSaysWhatDeclaresIt(t *testing.T) {
	t.Parallel()
	now := protocol.App{Name: "web--key", Declared: "Application argocd/web", Formerly: []string{"web"}, Prune: true,
		Blob: &protocol.Blob{Digest: "newer"}}
	last := protocol.App{Name: "web--key", Blob: &protocol.Blob{Digest: "older"}, Revision: "older"}
	want := last
	want.Declared, want.Formerly = now.Declared, now.Formerly
	if got := kept(now, &last, now.Name); !reflect.DeepEqual(got, want) {
		t.Errorf("it is given as %+v", got)
	}
	if got := kept(now, nil, now.Name); got.Declared != now.Declared || !reflect.DeepEqual(got.Formerly, now.Formerly) || got.Blob != nil {
		t.Errorf("before the first release it is given as %+v", got)
	}
	b := protocol.Bundle{Apps: []protocol.App{now}}
	withhold(&b, protocol.Bundle{Apps: []protocol.App{last}}, Deletions{Apps: map[string]AppDeletions{now.Name: {Hold: &AppHold{}}}})
	if got := b.Apps[0]; got.Declared != now.Declared || !reflect.DeepEqual(got.Formerly, now.Formerly) || got.Blob.Digest != "older" {
		t.Errorf("for an agent that does not hold deletions it is given as %+v", got)
	}
}
