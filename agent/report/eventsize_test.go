package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

func TestAnEventThatIsTooLargeIsCutAndSaysSo(t *testing.T) {
	t.Parallel()
	many := make([]string, 50_000)
	for i := range many {
		many[i] = fmt.Sprint("spec.field-", i)
	}
	long := strings.Repeat("x", 1<<20)
	for name, e := range map[string]protocol.Event{
		"a long message":         {Message: "apply failed: " + long},
		"control characters":     {Message: strings.Repeat("\x01", 1<<20)},
		"no UTF-8":               {Message: strings.Repeat("\xff\xe4", 1<<20)},
		"umlauts":                {Message: strings.Repeat("ä", 1<<20)},
		"many fields":            {Message: "drift was corrected", Fields: many},
		"a long field":           {Fields: []string{long}},
		"a long field's name":    {Fields: []string{"spec", long}, Message: long, By: long, App: long, Revision: long},
		"a name that is no name": {Object: &protocol.ObjectRef{Kind: "Pod", Name: long}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJournal("a", time.Now())
			e.Kind = protocol.EventDrift
			whole := j.add(e)
			lines, _ := j.batch(10)
			if len(lines) != 1 || len(lines[0].data) > protocol.MaxEvent {
				t.Fatalf("%d lines, the first has %d bytes", len(lines), len(lines[0].data))
			}
			got, err := protocol.DecodeEvent(lines[0].data, "a")
			if err != nil || got.Seq != whole.Seq || got.Kind != whole.Kind || !strings.Contains(got.Message, "was cut") {
				t.Errorf("it is %v, %+.200v", err, got)
			}
			if len(e.Fields) > 1000 && (got.Fields[0] != many[0] || !strings.HasPrefix(got.Fields[len(got.Fields)-1], "and ")) {
				t.Errorf("%d fields are left, the last is %q", len(got.Fields), got.Fields[len(got.Fields)-1])
			}
		})
	}
	small := protocol.Event{Kind: protocol.EventDrift, Message: "drift was corrected", Fields: many[:100]}
	if got := encodeEvent(small); !slices.Equal(got, eventJSON(small)) {
		t.Errorf("a small event is %s", got)
	}
}

func TestALargeEventOfAnOlderAgentIsCutWhenItIsTakenUp(t *testing.T) {
	t.Parallel()
	e := protocol.Event{Version: protocol.Version, Cluster: "a", Seq: 7, Kind: protocol.EventDrift, Time: time.Now(),
		Message: strings.Repeat("x", 100<<10)}
	j := newJournal("a", time.Now())
	if err := j.restore(append([]byte("{}\n"), eventJSON(e)...)); err != nil {
		t.Fatal(err)
	}
	lines, _ := j.batch(10)
	if len(lines) != 1 || len(lines[0].data) > protocol.MaxEvent || lines[0].seq != 7 {
		t.Errorf("%d lines, the first is %.100s", len(lines), lines[0].data)
	}
}
