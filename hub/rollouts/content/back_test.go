package content

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

func TestOnlyWhatHasHooksSaysThatItGoesBack(t *testing.T) {
	t.Parallel()
	read := 0
	x := NewBack(func(b protocol.Blob) ([]model.Rendered, error) {
		read++
		if b.Digest == "unreadable" {
			return nil, errors.New("it is damaged")
		}
		return []model.Rendered{{JSON: json.RawMessage(fmt.Sprintf(`{"metadata":{"annotations":{"drover.dev/hook":%q}}}`,
			b.Digest))}}, nil
	}, slog.New(slog.DiscardHandler))
	from := map[string][]string{"hooked": {"x"}, "plain": {"x"}, "unreadable": {"x"}, "forward": nil}
	apps := func() []protocol.App {
		blob := func(digest string) *protocol.Blob { return &protocol.Blob{Digest: digest} }
		return []protocol.App{{Name: "hooked", Blob: blob("PreSync")}, {Name: "plain", Blob: blob("SyncFail")},
			{Name: "unreadable", Blob: blob("unreadable")}, {Name: "forward", Blob: blob("PreSync")}, {Name: "bare"}}
	}
	for range 2 {
		list := apps()
		x.Say(list, from)
		for i, want := range []bool{true, false, true, false, false} {
			if a := list[i]; slices.Contains(a.Needs, protocol.NeedRollback) != want || (a.Rollback != nil) != want {
				t.Errorf("%s: it says %v and needs %v, want %v", a.Name, a.Rollback, a.Needs, want)
			}
		}
	}
	if read != 4 { // what cannot be read is tried again
		t.Errorf("blobs were read %d times, want 4", read)
	}
}

// Whether an app goes back does not matter to hooks that are done whichever way it goes.
func TestWhichHooksMindTheWayBack(t *testing.T) {
	t.Parallel()
	for want, cases := range map[bool][][2]string{
		true: {{"drover.dev/hook", "PreSync"}, {"argocd.argoproj.io/hook", "SyncFail,PostSync"}, {"drover.dev/hook", "Sync"},
			{"helm.sh/hook", "pre-upgrade"}, {"helm.sh/hook", "post-rollback"}, {"drover.dev/hook", "PreRollback"},
			{"drover.dev/hook", "${phase}"}},
		false: {{"drover.dev/sync-wave", "1"}, {"drover.dev/hook", "Skip"}, {"drover.dev/hook", "SyncFail, PreDelete"},
			{"helm.sh/hook", "pre-install"}, {"helm.sh/hook", "test"}, {"helm.sh/hook", "crd-install"}},
	} {
		for _, c := range cases {
			if got := minds(map[string]any{c[0]: c[1]}); got != want {
				t.Errorf("%v gives %v", c, got)
			}
		}
	}
}
