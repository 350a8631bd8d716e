package hub_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// holdings counts what the store and the bus have.
func (r *rig) holdings() (memos, stored, published int) {
	r.t.Helper()
	count := func(n *int) func(string) bool {
		return func(string) bool { *n++; return true }
	}
	if _, err := r.store.Collect(count(&memos), count(&stored)); err != nil {
		r.t.Fatal(err)
	}
	return memos, stored, len(must(r.hub.Bus.Holdings(r.t.Context())).Blobs)
}

// Everything that a commit leaves behind is removed when nothing needs it any more, and what is needed is not.
func TestAThousandCommitsLeaveABoundedStoreAndBus(t *testing.T) {
	t.Parallel()
	commits := 1000
	if testing.Short() {
		commits = 100
	}
	files := twoClusters()
	files["clusters/a/vars.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: web}\ndata: {n: \"0\"}\n"
	r := newRigWith(t, nil, files, func(r *rig) { r.grace, r.hasty = 10*time.Millisecond, true })
	r.join("a", "b")
	b := r.await("b", "published", func(protocol.Bundle) bool { return true })
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	for i := range commits {
		r.push(fmt.Sprint("commit ", i), map[string]string{
			"clusters/a/vars.yaml":          strings.ReplaceAll(files["clusters/a/vars.yaml"], `"0"`, fmt.Sprintf("\"v%d\"", i)),
			"apps/web/base/config.yaml":     configMap("web", fmt.Sprint(i)),
			"clusters/a/apps.yaml":          app("web", "./apps/web/overlays/a", fmt.Sprintf("  vars: {n: \"%d\"}\n", i)) + "---\n" + app("extra", "apps/extra", ""),
			fmt.Sprintf("apps/d%d.yaml", i): configMap("d", "x"),
		})
	}
	r.until("the bus and the store have little", func() bool {
		memos, stored, published := r.holdings()
		t.Log(memos, stored, published)
		return memos < 60 && stored < 90 && published < 90
	})
	r.await("a", "the last commit", func(b protocol.Bundle) bool {
		return strings.Contains(r.lines("a", b, "web"), fmt.Sprintf(`"%d"`, commits-1))
	})
	r.restart(nil)
	if got, _ := r.bundle("b"); got.Generation < b.Generation || r.lines("b", got, "extra") == "" {
		t.Errorf("after a restart b is at generation %d", got.Generation)
	}
}

// A cluster that fills the bus keeps no other from being served, and the status says what to do.
func TestAFullBusServesWhatFits(t *testing.T) {
	t.Parallel()
	noise := func(kib int) string { // compresses to three quarters, and never to more than it is; hexadecimal digits vary
		data := make([]byte, kib<<8*3)
		_, _ = rand.Read(data)
		return base64.StdEncoding.EncodeToString(data)
	}
	r := newRigWith(t, nil, twoClusters(), func(r *rig) { r.maxStore, r.hasty = 4<<20, true })
	r.join("a", "b")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	r.await("b", "published", func(protocol.Bundle) bool { return true })
	for i := range 20 { // each fits, and all together do not
		r.push(fmt.Sprint("fill ", i), map[string]string{"apps/extra/config.yaml": configMap("extra", noise(400))})
		r.await("b", "it has what was pushed", func(b protocol.Bundle) bool { return b.Revision.Subject == fmt.Sprint("fill ", i) })
	}
	if s := r.hub.State().Source(); s.Stalled != "" {
		t.Errorf("the hub says %q though everything is published", s.Stalled)
	}
	large := map[string]string{"apps/extra/config.yaml": configMap("extra", "x")}
	for i := range 20 { // these do not fit
		large[fmt.Sprintf("clusters/a/large%d.yaml", i)] = configMap(fmt.Sprint("large", i), noise(400))
	}
	large["clusters/b/settings.yaml"] = configMap("settings", "small")
	r.push("too much", large)
	r.await("b", "the small change", func(b protocol.Bundle) bool { return strings.Contains(r.lines("b", b, "root"), "small") })
	r.until("the status says it", func() bool {
		s := r.hub.State().Source().Stalled
		return strings.Contains(s, "no space left") && strings.Contains(s, "--nats-max-store") && strings.Contains(s, "(a, ")
	})
	r.push("b goes on", map[string]string{"clusters/b/settings.yaml": configMap("settings", "smaller")})
	r.await("b", "the next change", func(b protocol.Bundle) bool { return strings.Contains(r.lines("b", b, "root"), "smaller") })

	for name := range large {
		if strings.HasPrefix(name, "clusters/a/large") {
			large[name] = ""
		}
	}
	r.push("less", large)
	a := r.await("a", "what fits", func(b protocol.Bundle) bool { return b.Revision.Subject == "less" })
	if got := r.lines("a", a, "extra"); !strings.Contains(got, `"x"`) {
		t.Errorf("extra of a = %.200s", got)
	}
	r.until("the status says nothing", func() bool { return r.hub.State().Source().Stalled == "" })
}
