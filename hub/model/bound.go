package model

import "slices"

// Logins bounds what the hub may log in with where it fetches a source: a credential of one of the names, or none.
type Logins struct {
	Names []string `json:"names"`
}

// ForbiddenError says that a project does not permit what is asked for.
type ForbiddenError struct{ Text string }

// Error implements error.
func (e *ForbiddenError) Error() string { return e.Text }

// Within is the source, fetched with nothing but what l permits; nil permits all that the hub has.
func (s Source) Within(l *Logins) Source {
	if l == nil {
		return s
	}
	s.Logins = l
	s.Copies = slices.Clone(s.Copies)
	for i := range s.Copies {
		s.Copies[i].From = s.Copies[i].From.Within(l)
	}
	return s
}

// Within is the app, whose sources are fetched with nothing but what l permits. What it has in common with the app as it
// was is not changed.
func (a App) Within(l *Logins) App {
	if l == nil {
		return a
	}
	bound := func(s *Source) *Source {
		if s == nil {
			return nil
		}
		out := s.Within(l)
		return &out
	}
	part := func(p Part) Part {
		p.Source = bound(p.Source)
		if p.Chart != nil {
			chart := *p.Chart
			chart.Values = slices.Clone(chart.Values)
			for i := range chart.Values {
				chart.Values[i].Source = bound(chart.Values[i].Source)
			}
			p.Chart = &chart
		}
		return p
	}
	a.Part = part(a.Part)
	a.More = slices.Clone(a.More)
	for i := range a.More {
		a.More[i] = part(a.More[i])
	}
	return a
}
