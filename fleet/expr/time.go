package expr

import (
	"errors"
	"math"
	"regexp"
	"time"
)

// timeFunctions are the parts of timestamps and durations.
var timeFunctions = map[string]signature{
	"getFullYear":     {1, 2, part(time.Time.Year, nil)},
	"getMonth":        {1, 2, part(func(t time.Time) int { return int(t.Month()) - 1 }, nil)},
	"getDate":         {1, 2, part(time.Time.Day, nil)},
	"getDayOfMonth":   {1, 2, part(func(t time.Time) int { return t.Day() - 1 }, nil)},
	"getDayOfWeek":    {1, 2, part(func(t time.Time) int { return int(t.Weekday()) }, nil)},
	"getDayOfYear":    {1, 2, part(func(t time.Time) int { return t.YearDay() - 1 }, nil)},
	"getHours":        {1, 2, part(time.Time.Hour, func(d time.Duration) int64 { return int64(d.Hours()) })},
	"getMinutes":      {1, 2, part(time.Time.Minute, func(d time.Duration) int64 { return int64(d.Minutes()) })},
	"getSeconds":      {1, 2, part(time.Time.Second, func(d time.Duration) int64 { return int64(d.Seconds()) })},
	"getMilliseconds": {1, 2, part(func(t time.Time) int { return t.Nanosecond() / 1e6 }, time.Duration.Milliseconds)},
}

// zone is how an expression can name a time zone. Names of places are not among them: an agent has no list of them.
var zone = regexp.MustCompile(`^(UTC|([+-]?)(\d\d):(\d\d))$`)

// IsZone says whether a text names a time zone in a way that is understood: UTC, or a difference from it as 02:00 or
// -05:30.
func IsZone(name string) bool { return zone.MatchString(name) }

func location(v any) (*time.Location, error) {
	name, ok := v.(string)
	if !ok {
		return nil, errType
	}
	m := zone.FindStringSubmatch(name)
	if m == nil {
		return nil, errors.New("a time zone is written as UTC, 02:00 or -05:30")
	}
	if m[1] == "UTC" {
		return time.UTC, nil
	}
	away, err := time.ParseDuration(m[2] + m[3] + "h" + m[4] + "m")
	if err != nil {
		return nil, err
	}
	return time.FixedZone("", int(away.Seconds())), nil
}

// part gives a part of a timestamp, in UTC unless another zone is named, or of a duration.
func part(of func(time.Time) int, ofDuration func(time.Duration) int64) function {
	return func(_ *evaluation, a []any) (any, error) {
		switch v := a[0].(type) {
		case time.Time:
			in := time.UTC
			if len(a) == 2 {
				var err error
				if in, err = location(a[1]); err != nil {
					return nil, err
				}
			}
			return int64(of(v.In(in))), nil
		case time.Duration:
			if ofDuration != nil && len(a) == 1 {
				return ofDuration(v), nil
			}
		}
		return nil, errType
	}
}

// inTime holds a timestamp to the years that CEL knows.
func inTime(t time.Time) (any, error) {
	if y := t.UTC().Year(); y < 1 || y > 9999 {
		return nil, errRange
	}
	return t, nil
}

func addTime(a, b any) (any, error) {
	switch x := a.(type) {
	case time.Time:
		if d, ok := b.(time.Duration); ok {
			return inTime(x.Add(d))
		}
	case time.Duration:
		switch y := b.(type) {
		case time.Time:
			return inTime(y.Add(x))
		case time.Duration:
			return asDuration(integers("+", int64(x), int64(y)))
		}
	}
	return nil, errType
}

func subtractTime(a, b any) (any, error) {
	switch x := a.(type) {
	case time.Time:
		switch y := b.(type) {
		case time.Time:
			if d := x.Sub(y); d != math.MaxInt64 && d != math.MinInt64 { // as which Sub writes what is beyond
				return d, nil
			}
			return nil, errRange
		case time.Duration:
			if y == math.MinInt64 {
				return nil, errRange
			}
			return inTime(x.Add(-y))
		}
	case time.Duration:
		if y, ok := b.(time.Duration); ok {
			return asDuration(integers("-", int64(x), int64(y)))
		}
	}
	return nil, errType
}

func asDuration(v any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return time.Duration(v.(int64)), nil // integers gives nothing else
}
