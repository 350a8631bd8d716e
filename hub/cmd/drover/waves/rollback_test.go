package waves

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/rollouts"
)

// The flags of a rollback are an order of a revert, or of a pin with what is held and how long.
func TestARollbackIsAnOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in    goingBack
		args  []string
		want  rollouts.Order
		wrong string
	}{
		"a revert": {in: goingBack{}, want: rollouts.Order{Action: rollouts.Revert}},
		"of a commit": {in: goingBack{Order: rollouts.Order{To: "1a2b3c4"}}, want: rollouts.Order{Action: rollouts.Revert,
			To: "1a2b3c4"}},
		"a pin": {in: goingBack{Order: rollouts.Order{To: "1a2b3c4"}, pin: true, end: "3d"}, args: []string{"oslo"},
			want: rollouts.Order{Action: rollouts.Pin, To: "1a2b3c4", Cluster: "oslo", Until: now.AddDate(0, 0, 3)}},
		"a pin without an end": {in: goingBack{Order: rollouts.Order{To: "1a2b3c4"}, pin: true},
			wrong: "--pin needs --to REVISION and --until TIME"},
		"a pin at nothing":     {in: goingBack{pin: true, end: "3d"}, wrong: "--pin needs --to REVISION and --until TIME"},
		"a revert with an end": {in: goingBack{end: "3d"}, wrong: "--until is for --pin: a revert in Git has no end"},
		"a cluster and a selector": {in: goingBack{Order: rollouts.Order{Selector: "a=b"}},
			args: []string{"oslo"}, wrong: "a cluster and a selector: name one"},
		"an end that is no time": {in: goingBack{Order: rollouts.Order{To: "1a2b3c4"}, pin: true, end: "soon"},
			wrong: `--until "soon": write a time`},
	} {
		err := c.in.complete(c.args, now)
		if c.wrong != "" {
			if err == nil || !strings.HasPrefix(err.Error(), c.wrong) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		got, _ := json.Marshal(c.in.Order)
		if want, _ := json.Marshal(c.want); err != nil || string(got) != string(want) {
			t.Errorf("%s: %s, %v\nwant %s", name, got, err, want)
		}
	}
}

// Without --policy the only one with waves is meant; of none or several it is said what to do.
func TestTheOnlyPolicy(t *testing.T) {
	t.Parallel()
	waved := func(name string) query.Rollout {
		return query.Rollout{Policy: name, Waves: []query.Wave{{Name: "all"}}}
	}
	other := waved("theirs")
	other.From = "Rollout shop/web"
	for want, all := range map[string][]query.Rollout{
		"p": {{Policy: "bounds"}, other, waved("p")},
		"there is no RolloutPolicy, so the hub remembers nothing to go back to: revert in Git": {{Policy: "bounds"}, other},
		"name the RolloutPolicy with --policy, one of p, q":                                    {waved("p"), waved("q")},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
			_ *http.Request) {
			_ = json.NewEncoder(w).Encode(all)
		}))
		t.Cleanup(s.Close)
		got, err := only(t.Context(), api.Client{URL: s.URL})
		if err != nil {
			got += err.Error()
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What is wrong with a decision is said before the hub is asked.
func TestDecisionsThatAreWrong(t *testing.T) {
	t.Parallel()
	errUsage := errors.New("used wrongly")
	for args, want := range map[string]string{
		"rollout halt":                    "it takes one argument: a policy; `drover rollout` lists them",
		"rollout halt a b":                "it takes one argument",
		"rollout approve /early":          `"/early": write POLICY, POLICY/WAVE or POLICY/WAVE@TARGET`,
		"rollout expedite p@1a":           `"p@1a": write POLICY`,
		"rollout halt p --until tomorrow": `--until "tomorrow": write a time, as 2026-12-18T09:00:00Z, or how long`,
		"rollout freeze p": "it takes no argument, because it is for all clusters: `drover rollout halt " +
			"POLICY` is for one policy",
		"rollout why":    "it takes one argument: a policy, and a wave after a slash",
		"rollback a b":   "it takes the name of one cluster at most: for several use -l",
		"rollback --pin": "--pin needs --to",
	} {
		connect := func() Connection {
			return Connection{Flags: func(*cobra.Command) {}, Client: func() (api.Client, error) {
				t.Errorf("%s: the hub is asked", args)
				return api.Client{}, nil
			}}
		}
		wrong := func(err error) error { return errors.Join(errUsage, err) }
		root := &cobra.Command{Use: "drover", SilenceErrors: true, SilenceUsage: true}
		root.AddCommand(New(connect, wrong), NewRollback(connect, wrong))
		root.SetArgs(strings.Fields(args))
		if err := root.ExecuteContext(t.Context()); !errors.Is(err, errUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
	if _, err := Moment("--until", "-3d", now); err != nil { // the hub says that it is over
		t.Errorf("a time that is over: %v", err)
	}
	if got, err := Moment("--until", "0s", time.Time{}); err != nil || !got.IsZero() {
		t.Errorf("%s, %v", got, err)
	}
}
