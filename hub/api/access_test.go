package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/hub/roles"
	"github.com/drover-dev/drover/hub/rollouts"
)

// public are the routes that need no token.
var public = []string{"GET /healthz", "GET /readyz", "POST /webhook/{kind}"}

// TestEveryRouteNeedsARight walks all routes: each asks for verbs that its resources have, and lets in neither a
// request without a token nor one whose token no binding gives anything. No verb is there that no route asks for.
func TestEveryRouteNeedsARight(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	made, err := o.as("the-token").CreateToken(t.Context(), people.Request{Name: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	o.server.Access = roles.Fixed{Is: access.New(nil, nil, true)}
	used := map[string]bool{}
	all := routes(o.server)
	if len(all) < 30 {
		t.Fatalf("there are %d routes only", len(all))
	}
	for _, r := range all {
		method, path, _ := strings.Cut(r.pattern, " ")
		path = strings.NewReplacer("{name}", "x", "{id}", "x", "{policy}", "x", "{kind}", "x").Replace(path)
		code := func(token string) int {
			req, err := http.NewRequestWithContext(t.Context(), method, o.url+path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
			return resp.StatusCode
		}
		switch r.needs.place {
		case ofAnyone:
			if !slices.Contains(public, r.pattern) {
				t.Errorf("%s lets in any request", r.pattern)
			}
			continue
		case ofCaller:
			if !strings.HasPrefix(path, "/api/v1/auth/") {
				t.Errorf("%s needs no right", r.pattern)
			}
		default:
			known := 0
			for _, on := range r.needs.resources {
				for _, v := range r.needs.verbs {
					if access.Known(v, on) {
						known, used[fmt.Sprint(v, " ", on)] = known+1, true
					}
				}
			}
			if known < max(len(r.needs.verbs), len(r.needs.resources), 1) {
				t.Errorf("%s asks for %v of %v, which are not all known", r.pattern, r.needs.verbs, r.needs.resources)
			}
			if got := code(made.Secret); got != http.StatusForbidden {
				t.Errorf("%s answers a token without rights with %d", r.pattern, got)
			}
		}
		if got := code("guess"); got != http.StatusUnauthorized {
			t.Errorf("%s answers no token with %d", r.pattern, got)
		}
	}
	used["get source"] = true // the details of /readyz, of lists of clusters and of one
	for _, on := range access.Resources() {
		for _, v := range access.VerbsOf(on) {
			if !used[fmt.Sprint(v, " ", on)] {
				t.Errorf("no route asks for %s %s", v, on)
			}
		}
	}
}

// TestRoutesAreRegisteredInOnePlace: what is registered elsewhere would need no right.
func TestRoutesAreRegisteredInOnePlace(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			found += strings.Count(string(data), "mux.Handle")
		}
	}
	if found != 1 {
		t.Errorf("routes are registered in %d places, want the one in Handler", found)
	}
}

// TestEveryActionOfARolloutHasAVerb, so that none needs less than its own right.
func TestEveryActionOfARolloutHasAVerb(t *testing.T) {
	t.Parallel()
	for _, a := range []rollouts.Action{rollouts.Approve, rollouts.Skip, rollouts.Halt, rollouts.Resume, rollouts.Expedite,
		rollouts.Rollback, rollouts.Pin, rollouts.Unpin, rollouts.Revert, rollouts.Freeze, rollouts.Unfreeze} {
		if v := verbOf(a); !access.Known(v, access.Rollouts) {
			t.Errorf("%s has the verb %q", a, v)
		}
	}
}

// bound is a policy of bindings by group.
func bound(groups map[string]string) roles.Fixed {
	var all []access.Binding
	for group, role := range groups {
		all = append(all, access.Binding{Name: group, Role: role,
			Subjects: []access.Subject{{Kind: access.Group, Name: group}}})
	}
	halter := access.Role{Name: "halter", Rules: []access.Rule{{Resources: []string{"rollouts"}, Verbs: []string{"halt"}}}}
	maker := access.Role{Name: "maker", Rules: []access.Rule{{Resources: []string{"tokens"}, Verbs: []string{"*"}}}}
	return roles.Fixed{Is: access.New([]access.Role{halter, maker}, all, true)}
}

func (o *office) person(name string, q people.Request) Client {
	o.t.Helper()
	q.Name = name
	secret, _, err := o.server.People.Create(time.Now(), q)
	if err != nil {
		o.t.Fatal(err)
	}
	return o.as(secret)
}

// A decision carries the role that allowed it; what was denied is in the journal, and a flood of it is not.
func TestRolesAndDenialsAreInTheJournal(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.server.Access = bound(map[string]string{"sre": access.Operator, "night": "halter"})
	sre, night := o.person("ann", people.Request{Groups: []string{"sre"}}),
		o.person("bob", people.Request{Groups: []string{"night"}})
	for _, c := range []struct {
		by     Client
		action rollouts.Action
		denied string
	}{
		{sre, rollouts.Approve, ""}, {sre, rollouts.Freeze, ""}, {night, rollouts.Halt, ""},
		{night, rollouts.Approve, "may not approve rollouts"}, {night, rollouts.Expedite, "may not skip rollouts"},
		{night, rollouts.Unfreeze, "may not resume rollouts"},
	} {
		_, err := c.by.Decide(t.Context(), rollouts.Order{Action: c.action, Policy: "production"})
		if c.denied == "" && err != nil || c.denied != "" && (err == nil || !strings.Contains(err.Error(), c.denied)) {
			t.Errorf("%s: %v, want %q", c.action, err, c.denied)
		}
	}
	if got := o.decider.orders; len(got) != 3 || got[0].Who.Role != access.Operator || got[2].Who.Role != "halter" {
		t.Errorf("it decided %+v", got)
	}
	if _, err := sre.Approve(t.Context(), "0123456789"); err != nil {
		t.Error(err)
	}
	for range 300 {
		_, _ = night.Approve(t.Context(), "0123456789")
		_ = night.Poke(t.Context())
	}
	kinds := map[string]int{}
	for _, e := range o.entries() {
		kinds[e.Kind+" by "+e.By.Name+" as "+e.By.Role]++
		if e.Kind == "denied" && (e.Why == "" || e.By.From == "") {
			t.Errorf("a denial says too little: %+v", e)
		}
	}
	if kinds["approve by ann as operator"] != 1 || kinds["denied by bob as "] != 5 || len(kinds) != 2 {
		t.Errorf("the journal has %v", kinds)
	}
}

// Nobody makes a token that may do more than they may themselves, and a token has the role it was made with.
func TestTokensHaveRoles(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.server.Access = bound(map[string]string{"makers": "maker", "sre": access.Operator})
	maker := o.person("ann", people.Request{Groups: []string{"makers"}})
	for want, q := range map[string]people.Request{
		"the group sre": {Groups: []string{"sre"}}, "the right to get apps": {Rights: people.Rights{Role: access.Viewer}},
		"the right to": {Rights: people.Rights{Role: access.Admin}},
	} {
		q.Name = "eve"
		wants(t, "more than its own", second(maker.CreateToken(t.Context(), q)), want)
	}
	admin := o.as("the-token")
	wants(t, "an unknown role", second(admin.CreateToken(t.Context(), people.Request{Name: "x",
		Rights: people.Rights{Role: "nobody"}})), "there is no role")
	wants(t, "a bad selector", second(admin.CreateToken(t.Context(), people.Request{Name: "x",
		Rights: people.Rights{Selector: "a=b=c d"}})), "is not understood")
	made, err := admin.CreateToken(t.Context(), people.Request{Name: "ci", Rights: people.Rights{Role: access.Viewer,
		Selector: "env=staging"}})
	if err != nil {
		t.Fatal(err)
	}
	ci := o.as(made.Secret)
	who, err := WhoAmI(t.Context(), ci)
	if err != nil || who.Name != "ci" || who.Role != access.Viewer ||
		who.Limit != "clusters with env=staging" || !who.Bindings {
		t.Errorf("%+v %v", who, err)
	}
	if _, err := ci.Clusters(t.Context(), ""); err != nil {
		t.Error(err)
	}
	wants(t, "freeze", second(ci.Decide(t.Context(), rollouts.Order{Action: rollouts.Freeze})), "may not halt rollouts")
	wants(t, "the journal", ci.Audit(t.Context(), io.Discard), "may not get audit")
	v, err := CanI(t.Context(), ci, map[string][]string{"verb": {"get"}, "resource": {"clusters"}})
	if err != nil || v.Allowed || v.Why == "" {
		t.Errorf("%+v %v", v, err)
	}
	rights, err := RightsOf(t.Context(), ci)
	if err != nil || !slices.ContainsFunc(rights, func(r Right) bool {
		return r.Resource == "clusters" && r.Verb == "get" && slices.Equal(r.Where, []string{"clusters with env=staging"})
	}) {
		t.Errorf("%+v %v", rights, err)
	}
}

// Before it is known which roles there are, the shared token alone is accepted, and the answer says what to do.
func TestWithoutRolesTheSharedTokenAloneActs(t *testing.T) {
	t.Parallel()
	for what, p := range map[string]Policies{"none": nil, "nothing read": roles.Fixed{Is: &access.Policy{}}} {
		o := newOffice(t)
		o.server.Access = p
		ann := o.person("ann", people.Request{})
		wants(t, what, second(ann.Clusters(t.Context(), "")), "the hub has not read yet which roles there are")
		if _, err := o.as("the-token").Clusters(t.Context(), ""); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A failure says so for programs, too.
func TestADenialHasAReason(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.server.Access = bound(nil)
	ann := o.person("ann", people.Request{})
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, o.url+"/api/v1/clusters", nil)
	req.Header.Set("Authorization", "Bearer "+ann.APIToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var f Failure
	if err := json.NewDecoder(resp.Body).Decode(&f); err != nil || f.Reason != "Forbidden" || resp.StatusCode != 403 {
		t.Errorf("%d %+v %v", resp.StatusCode, f, err)
	}
}
