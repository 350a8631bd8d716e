package schedule

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// Cron is a schedule of five fields: minute, hour, day of the month, month, day of the week. It is that of crontab(5)
// and of Kubernetes' CronJob: where both days are restricted, either of them is enough. The zero value never comes.
type Cron struct {
	minutes, hours, days, months, weekdays uint64 // bit n is set where n matches
	eitherDay                              bool   // both days are restricted
}

// field is one of the fields of a schedule.
type field struct {
	name     string
	min, max int
	words    []string // names of min, min+1, …
}

var fields = [...]field{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of the month", 1, 31, nil},
	{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"day of the week", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}, // 7 is Sunday, too
}

// ParseCron reads a schedule. The error names the field that is not understood.
func ParseCron(s string) (Cron, error) {
	parts := strings.Fields(s)
	if len(parts) != len(fields) {
		return Cron{}, fmt.Errorf("the schedule %q has %d fields: write five, minute, hour, day of the month, month and "+
			"day of the week, as \"0 9 * * 1-5\"", s, len(parts))
	}
	var sets [len(fields)]uint64
	for i, f := range fields {
		set, err := f.parse(parts[i])
		if err != nil {
			return Cron{}, fmt.Errorf("the schedule %q: %w", s, err)
		}
		sets[i] = set
	}
	if sets[4]&(1<<7) != 0 {
		sets[4] = sets[4]&^(1<<7) | 1
	}
	restricted := func(part string) bool { return part[0] != '*' && part[0] != '?' }
	return Cron{sets[0], sets[1], sets[2], sets[3], sets[4], restricted(parts[2]) && restricted(parts[4])}, nil
}

// parse reads a field: a list of numbers, ranges and steps.
func (f field) parse(text string) (set uint64, err error) {
	for item := range strings.SplitSeq(text, ",") {
		span, stepText, stepped := strings.Cut(item, "/")
		step := 1
		if stepped {
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 {
				return 0, fmt.Errorf("the %s %q: the step after / is to be a number from 1 on", f.name, item)
			}
		}
		from, to := f.min, f.max
		if span != "*" && span != "?" {
			first, last, isRange := strings.Cut(span, "-")
			if from, err = f.number(first); err != nil {
				return 0, err
			}
			switch {
			case isRange:
				if to, err = f.number(last); err != nil {
					return 0, err
				}
			case !stepped:
				to = from
			}
		}
		if to < from {
			return 0, fmt.Errorf("the %s %q ends before it begins: write it as two ranges with a comma", f.name, item)
		}
		for n := from; n <= to; n += step {
			set |= 1 << n
		}
	}
	return set, nil
}

func (f field) number(text string) (int, error) {
	for i, word := range f.words {
		if strings.EqualFold(text, word) {
			return f.min + i, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.min || n > f.max {
		return 0, fmt.Errorf("the %s %q is not a number from %d to %d", f.name, text, f.min, f.max)
	}
	return n, nil
}

// horizon is how many days are looked through for the next time. 29 February comes within eight years, and on a given
// day of the week within forty.
const horizon = 41 * 366

// Next gives the first time after t that matches, in the location of t; the zero time if none does. A time of day that
// the clock skips when it is put forward is taken for the one that the clock shows instead, so that no day is left out.
func (c Cron) Next(t time.Time) time.Time {
	if c.minutes == 0 || c.hours == 0 {
		return time.Time{}
	}
	year, month, day := t.Date()
	for i := range horizon {
		date := time.Date(year, month, day+i, 12, 0, 0, 0, t.Location())
		if !c.on(date) {
			continue
		}
		if at := c.first(date, t); !at.IsZero() {
			return at
		}
	}
	return time.Time{}
}

// on says whether the schedule has a time on a day.
func (c Cron) on(date time.Time) bool {
	if c.months&(1<<date.Month()) == 0 {
		return false
	}
	day, weekday := c.days&(1<<date.Day()) != 0, c.weekdays&(1<<date.Weekday()) != 0
	if c.eitherDay {
		return day || weekday
	}
	return day && weekday
}

// first is the first time on a day that is after t; the zero time if there is none.
func (c Cron) first(date, t time.Time) (first time.Time) {
	year, month, day := date.Date()
	for hours := c.hours; hours != 0 && first.IsZero(); hours &= hours - 1 {
		for minutes := c.minutes; minutes != 0; minutes &= minutes - 1 {
			at := time.Date(year, month, day, bits.TrailingZeros64(hours), bits.TrailingZeros64(minutes), 0, 0, t.Location())
			if at.After(t) {
				first = at
				break
			}
		}
	}
	return first
}

// What the bits of a field are that restricts nothing.
const (
	everyDay     = 1<<32 - 1<<1
	everyMonth   = 1<<13 - 1<<1
	everyWeekday = 1<<7 - 1
)

// gap is the longest time between two that match, where no clock is changed; 0 if none match, or not on every day.
func (c Cron) gap() (longest time.Duration) {
	daily := c.days == everyDay && c.months == everyMonth && c.weekdays == everyWeekday
	if !daily || c.minutes == 0 || c.hours == 0 {
		return 0
	}
	const day = 24 * 60
	last := -1
	for minute := range 2 * day { // the second day has the gap over midnight
		if c.hours&(1<<(minute/60%24)) == 0 || c.minutes&(1<<(minute%60)) == 0 {
			continue
		}
		if last >= 0 {
			longest = max(longest, time.Duration(minute-last)*time.Minute)
		}
		last = minute
	}
	return longest
}
