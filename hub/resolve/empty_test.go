package resolve

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

func TestAnAppThatRendersToNothingIsRefused(t *testing.T) {
	t.Parallel()
	ref := protocol.ObjectRef{Kind: "ConfigMap", Name: "c"}
	had := protocol.App{Name: "web", Blob: &protocol.Blob{Digest: "d", Objects: 1}}
	none := protocol.App{Name: "web", Blob: &protocol.Blob{Digest: "e"}}
	child := protocol.App{Name: "child", Parent: "web"}
	for name, c := range map[string]struct {
		app    AppResult
		others []AppResult
		last   []protocol.App
		want   string
	}{
		"it had objects":     {last: []protocol.App{had}, want: "had objects (1) before"},
		"it declared an app": {last: []protocol.App{none, child}, want: "had declared apps (1) before"},
		"it is new":          {last: []protocol.App{{Name: "other"}}},
		"nothing was there":  {last: []protocol.App{none}},
		"nothing was known":  {last: []protocol.App{{Name: "web"}}},
		"it may be empty": {app: AppResult{App: model.App{Intents: model.Intents{AllowEmpty: true}}},
			last: []protocol.App{had, child}},
		"it declares apps":           {app: AppResult{declares: true}, last: []protocol.App{had}},
		"it has objects":             {app: AppResult{Refs: []protocol.ObjectRef{{Kind: "ConfigMap", Name: "d"}}}, last: []protocol.App{had, child}},
		"its objects are in another": {others: []AppResult{{App: model.App{Name: "x"}, Refs: []protocol.ObjectRef{ref}}}, last: []protocol.App{had}},
		"its app is in another":      {others: []AppResult{{App: model.App{Name: "child", Parent: "x"}}}, last: []protocol.App{none, child}},
		"in another namespace": {others: []AppResult{{App: model.App{Name: "x", Namespace: "x"}, Refs: []protocol.ObjectRef{ref}}}, last: []protocol.App{had},
			want: "had objects (1) before"},
		"it failed": {app: AppResult{Err: "it failed"}, last: []protocol.App{had}, want: "it failed"},
	} {
		var r Resolver
		r.contents.put("d", []deletions.Owned{{Ref: ref}})
		c.app.App.Name = "web"
		if c.app.Err == "" {
			c.app.Ref = &protocol.Blob{Digest: "e"}
		}
		res := Resolution{Apps: append([]AppResult{c.app}, c.others...)}
		refuseEmpty(&r, &res, c.last)
		if got := res.Apps[0]; !strings.Contains(got.Err, c.want) || c.want == "" && got.Err != "" || (got.Ref == nil) != (c.want != "") {
			t.Errorf("%s: %q, blob %v; want %q", name, got.Err, got.Ref, c.want)
		}
	}
}
