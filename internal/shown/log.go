package shown

import (
	"fmt"
	"log/slog"
)

// LogAttr has a log show people what Text does: it is for slog.HandlerOptions.ReplaceAttr.
func (s *Names) LogAttr(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(s.Text(a.Value.String()))
	case slog.KindAny:
		said := fmt.Sprintf("%+v", a.Value.Any()) // as slog's text handler writes it
		if shown := s.Text(said); shown != said {
			a.Value = slog.StringValue(shown)
		}
	}
	return a
}
