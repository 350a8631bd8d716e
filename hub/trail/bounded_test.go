package trail

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func TestEventsAreKeptAtHandInABoundedSize(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 900<<10)
	e := Bounded(protocol.Event{Message: long, By: long, App: long, Revision: long,
		Fields: strings.Split(strings.Repeat("y ", 5000)+long, " "),
		Object: &protocol.ObjectRef{Group: long, Kind: long, Namespace: long, Name: long}})
	size := len(e.Message) + len(e.By) + len(e.App) + len(e.Revision) + len(fmt.Sprint(e.Fields)) +
		len(fmt.Sprint(*e.Object))
	if size > 64<<10 {
		t.Errorf("%d bytes are kept", size)
	}
	if !strings.Contains(e.Message, "more bytes are in the journal") || !strings.Contains(e.Message, "4951 more fields") {
		t.Errorf("what is cut off is not said: %.200q", e.Message[maxEventText:])
	}
	for _, plain := range []protocol.Event{{}, {Message: "m", By: "b", App: "a", Fields: []string{"f"},
		Object: &protocol.ObjectRef{Kind: "k", Name: "n"}}} {
		if got := Bounded(plain); !reflect.DeepEqual(got, plain) {
			t.Errorf("%+v became %+v", plain, got)
		}
	}
}
