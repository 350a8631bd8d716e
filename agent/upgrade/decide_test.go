package upgrade

import (
	"strings"
	"testing"
	"time"
)

const (
	imageA, imageB, imageC = "agent:a", "agent:b", "agent:c"
	former, newer          = "rev-a", "rev-b"
)

var begun = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// under is an upgrade from A to B that is under way, with pods beside that of the former version.
func under(edit func(*Note), pods ...RolloutPod) RolloutState {
	n := &Note{From: imageA, To: imageB, Since: begun, Former: former}
	if edit != nil {
		edit(n)
	}
	return RolloutState{Image: imageB, Note: n, Pods: append([]RolloutPod{{Identity: "old/1", Revision: former}}, pods...)}
}

func after(edit func(*Note)) RolloutState {
	st := under(edit)
	st.Image = imageA
	return st
}

func failed(n *Note) { n.Failed = "crash, exit 1" }
func away(n *Note)   { n.Failed, n.Away = "it did not report within 3m", true }
func trial(n *Note)  { n.Trial, n.Revision = "new/1", newer }

func TestTurnsOfAnUpgrade(t *testing.T) {
	t.Parallel()
	plain := RolloutState{Image: imageA, Pods: []RolloutPod{{Identity: "old/1", Revision: former}}}
	mixed := plain
	mixed.Pods = append(mixed.Pods, RolloutPod{Identity: "older/1", Revision: "rev-0"})
	done := under(func(n *Note) { n.Done = true })
	done.Pods[0].Revision = newer
	fine := RolloutPod{Identity: "new/1", Revision: newer}
	for name, c := range map[string]struct {
		st      RolloutState
		wanted  string
		edit    func(*upgradeFacts)
		write   string // image that is written; "" if nothing is
		note    string // To of the note that is written, or "failed: …"; "" if it is taken away
		message string // is in it
		again   bool
	}{
		"nobody asks":            {st: plain},
		"it is there":            {st: plain, wanted: imageA},
		"begins":                 {st: plain, wanted: imageB, write: imageB, note: imageB, message: "upgrading", again: true},
		"does not begin offline": {st: plain, wanted: imageB, edit: offline},
		"does not begin where nobody could take it back": {st: RolloutState{Image: imageA, Pods: plain.Pods, Abrupt: true}, wanted: imageB, message: "has it surge"},
		"does not begin amid a change":                   {st: mixed, wanted: imageB, again: true},
		"begins after another":                           {st: done, wanted: imageC, edit: func(f *upgradeFacts) { f.revision = newer }, write: imageC, note: imageC, message: imageC, again: true},
		"waits":                                          {st: under(nil, fine), wanted: imageB, message: "upgrading", again: true},
		"waits while nobody asks":                        {st: under(nil, fine), message: "upgrading", again: true},
		"waits offline":                                  {st: under(nil, fine), wanted: imageB, edit: offline, message: "upgrading", again: true},
		"another is asked for":                           {st: under(trial, fine), wanted: imageC, write: imageC, note: imageC, message: imageC, again: true},
		"the former is asked for":                        {st: under(nil, fine), wanted: imageA, write: imageA},
		"crash": {st: under(nil, RolloutPod{Revision: newer, Ended: "exit 1: no"}), wanted: imageB, write: imageA, note: "failed: crash, exit 1: no",
			message: "agent:b failed: crash, exit 1: no; the agent stays at agent:a"},
		"crash is the version's, though offline": {st: under(nil, RolloutPod{Revision: newer, Ended: "exit 1"}), wanted: imageB, edit: offline, write: imageA,
			note: "failed: crash, exit 1", message: "choose another"},
		"crash of the former version is none": {st: under(nil, RolloutPod{Revision: former, Ended: "exit 1"}), wanted: imageB, message: "upgrading", again: true},
		"no image name": {st: under(nil, RolloutPod{Revision: newer, Waiting: "InvalidImageName: x", Stuck: true}), wanted: imageB, write: imageA,
			note: "failed: InvalidImageName: x", message: "InvalidImageName"},
		"image that cannot be pulled, early": {st: under(nil, RolloutPod{Revision: newer, Waiting: "ErrImagePull: x"}), wanted: imageB, message: "upgrading", again: true},
		"image that cannot be pulled, late": {st: under(nil, RolloutPod{Revision: newer, Waiting: "ErrImagePull: x"}), wanted: imageB, edit: late, write: imageA,
			note: "failed: ErrImagePull: x within 3m", message: "ErrImagePull: x within 3m"},
		"does not report":        {st: under(trial, fine), wanted: imageB, edit: late, write: imageA, note: "failed: it did not report within 3m", message: "choose another"},
		"no pod":                 {st: under(nil), wanted: imageB, edit: late, write: imageA, note: "failed: no pod of it was started within 3m", message: "no pod"},
		"late, and just in lead": {st: under(trial, fine), wanted: imageB, edit: func(f *upgradeFacts) { late(f); offline(f); f.young = true }, message: "upgrading", again: true},
		"late, and the hub is away": {st: under(trial, fine), wanted: imageB, edit: func(f *upgradeFacts) { late(f); offline(f) }, write: imageA,
			note: "failed: it did not report within 3m", message: "tried again"},
		"failed before":                         {st: after(failed), wanted: imageB, message: "choose another image"},
		"failed before, and another":            {st: after(failed), wanted: imageC, write: imageC, note: imageC, message: imageC, again: true},
		"failed before, and the former":         {st: after(failed), wanted: imageA, write: imageA},
		"failed before, and nobody asks":        {st: after(failed)},
		"failed for the hub, which is back":     {st: after(away), wanted: imageB, write: imageB, note: imageB, message: "upgrading", again: true},
		"failed for the hub, which is not back": {st: after(away), wanted: imageB, edit: offline},
		"on trial itself":                       {st: under(trial, fine), wanted: imageC, edit: func(f *upgradeFacts) { f.revision = newer }, again: true},
		"changed by hand meanwhile":             {st: after(trial), wanted: imageA},
	} {
		t.Run(name, func(t *testing.T) {
			f := upgradeFacts{wanted: c.wanted, online: true, revision: former, now: begun.Add(time.Minute), limit: 3 * time.Minute}
			if c.edit != nil {
				c.edit(&f)
			}
			got := c.st.turn(f)
			note := ""
			if n := got.note; n != nil {
				note = n.To
				if n.Failed != "" {
					note = "failed: " + n.Failed
				} else if n.From != c.st.Image && n.From != imageA || n.Former != f.revision || !n.Since.Equal(f.now) || n.Trial != "" {
					t.Errorf("the note is %+v", *n)
				}
			}
			if got.write != (c.write != "") || got.image != c.write || note != c.note || got.again != c.again {
				t.Errorf("got write %v %q, note %q, again %v; want %q, %q, %v", got.write, got.image, note, got.again, c.write, c.note, c.again)
			}
			if !strings.Contains(got.message, c.message) || c.message == "" && got.message != "" {
				t.Errorf("message %q, want %q in it", got.message, c.message)
			}
		})
	}
}

func offline(f *upgradeFacts) { f.online = false }
func late(f *upgradeFacts)    { f.now = begun.Add(3 * time.Minute) }

func TestWhoMayLeadDuringAnUpgrade(t *testing.T) {
	t.Parallel()
	me := RolloutPod{Identity: "new/1", Revision: newer}
	other := RolloutPod{Identity: "other/1", Revision: newer}
	died := me
	died.Ended = "exit 1"
	for name, c := range map[string]struct {
		st       RolloutState
		revision string
		want     role
	}{
		"nothing was ever upgraded":           {RolloutState{Image: imageA, Pods: []RolloutPod{me}}, newer, roleFree},
		"of the former version":               {under(trial, me), former, roleFree},
		"of the new version":                  {under(nil, me), newer, roleTrial},
		"another is on trial":                 {under(func(n *Note) { n.Trial = "other/1" }, me, other), newer, roleWait},
		"another was on trial, and is gone":   {under(func(n *Note) { n.Trial = "other/1" }, me), newer, roleTrial},
		"it has ended once":                   {under(nil, died), newer, roleLost},
		"it has ended on trial":               {under(trial, died), newer, roleLost},
		"it was on trial, and nobody says so": {under(trial, me), newer, roleWait},
		"proven":                              {under(func(n *Note) { n.Done = true }, me), newer, roleFree},
		"failed, to be deleted":               {after(func(n *Note) { trial(n); failed(n) }), newer, roleWait},
		"failed once, and put in by hand":     {under(func(n *Note) { trial(n); failed(n) }, me), newer, roleFree},
		"another image was put in by hand":    {after(nil), "rev-c", roleFree},
	} {
		if got := c.st.role("new/1", c.revision); got != c.want {
			t.Errorf("%s: role %d, want %d", name, got, c.want)
		}
	}
}
