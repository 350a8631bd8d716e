package schedule

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

// at reads a time of a zone.
func at(t *testing.T, zone, text string) time.Time {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	out, err := time.ParseInLocation("2006-01-02 15:04:05", text, loc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func cron(t *testing.T, text string) Cron {
	t.Helper()
	c, err := ParseCron(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNext(t *testing.T) {
	t.Parallel()
	const berlin = "Europe/Berlin"
	for _, c := range []struct{ schedule, zone, after, want string }{
		{"0 9 * * 1-4", berlin, "2026-11-29 18:24:13", "2026-11-30 09:00:00"}, // a Sunday
		{"0 9 * * 1-4", berlin, "2026-12-03 09:00:00", "2026-12-07 09:00:00"}, // Thursday, just begun
		{"0 9 * * 1-4", berlin, "2026-12-03 08:59:59", "2026-12-03 09:00:00"},
		{"0 9 * * mon-THU", berlin, "2026-12-03 09:00:00", "2026-12-07 09:00:00"},
		{"0 9 * * 7", berlin, "2026-12-03 09:00:00", "2026-12-06 09:00:00"},
		{"0 9 * * 0", berlin, "2026-12-03 09:00:00", "2026-12-06 09:00:00"},
		{"0 9 * * 5-7", berlin, "2026-12-05 10:00:00", "2026-12-06 09:00:00"},
		{"*/15 * * * *", berlin, "2026-12-03 09:14:59", "2026-12-03 09:15:00"},
		{"*/15 * * * *", berlin, "2026-12-03 09:45:00", "2026-12-03 10:00:00"},
		{"5/20 * * * *", berlin, "2026-12-03 09:25:00", "2026-12-03 09:45:00"},
		{"10-20/5 * * * *", berlin, "2026-12-03 09:20:00", "2026-12-03 10:10:00"},
		{"0,30 8,17 * * *", berlin, "2026-12-03 08:30:00", "2026-12-03 17:00:00"},
		{"59 23 31 12 *", berlin, "2026-12-31 23:59:00", "2027-12-31 23:59:00"},
		{"0 0 1 jan ?", berlin, "2026-12-03 09:00:00", "2027-01-01 00:00:00"},
		{"0 0 29 2 *", berlin, "2026-12-03 09:00:00", "2028-02-29 00:00:00"},
		{"0 0 29 2 */7", berlin, "2028-02-29 00:00:00", "2032-02-29 00:00:00"},
		// a step on * restricts nothing: that Sunday, or that day
		{"0 0 30 2 *", berlin, "2026-12-03 09:00:00", ""},
		{"0 0 13 * 5", berlin, "2026-12-03 09:00:00", "2026-12-04 00:00:00"}, // either day
		{"0 0 13 * 5", berlin, "2026-12-11 09:00:00", "2026-12-13 00:00:00"},
		{"0 0 ? * 5", berlin, "2026-12-11 09:00:00", "2026-12-18 00:00:00"},
		{"0 0 13 * ?", berlin, "2026-12-11 09:00:00", "2026-12-13 00:00:00"},
		{"30 2 * * *", berlin, "2027-03-27 12:00:00", "2027-03-28 03:30:00"}, // 02:30 does not exist that day
		{"30 2 * * *", berlin, "2027-10-31 12:00:00", "2027-11-01 02:30:00"},
		{"0 12 * * *", "Asia/Kolkata", "2026-12-03 12:00:00", "2026-12-04 12:00:00"},
	} {
		got := cron(t, c.schedule).Next(at(t, c.zone, c.after))
		if c.want == "" {
			if !got.IsZero() {
				t.Errorf("%s after %s: %s, want never", c.schedule, c.after, got)
			}
			continue
		}
		if want := at(t, c.zone, c.want); !got.Equal(want) {
			t.Errorf("%s after %s: %s, want %s", c.schedule, c.after, got, want)
		}
	}
	if got := (Cron{}).Next(at(t, berlin, "2026-12-03 09:00:00")); !got.IsZero() {
		t.Errorf("the zero schedule comes at %s", got)
	}
}

// A day of the week and a day of the month come together within forty years.
func TestNextOfARareDay(t *testing.T) {
	t.Parallel()
	c := cron(t, "0 0 29 2 *")
	c.weekdays = 1 << time.Monday
	if got, want := c.Next(at(t, "UTC", "2044-02-29 00:00:00")), at(t, "UTC", "2072-02-29 00:00:00"); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSchedulesThatAreNotUnderstood(t *testing.T) {
	t.Parallel()
	for schedule, want := range map[string]string{
		"":              `the schedule "" has 0 fields`,
		"0 9 * *":       "has 4 fields: write five",
		"0 9 * * * *":   "has 6 fields",
		"60 * * * *":    `the minute "60" is not a number from 0 to 59`,
		"-1 * * * *":    `the minute "" is not a number from 0 to 59`,
		"* 24 * * *":    `the hour "24" is not a number from 0 to 23`,
		"* * 0 * *":     `the day of the month "0" is not a number from 1 to 31`,
		"* * * 13 *":    `the month "13" is not a number from 1 to 12`,
		"* * * feb-x *": `the month "x" is not`,
		"* * * * 8":     `the day of the week "8" is not a number from 0 to 7`,
		"* * * * sonn":  `the day of the week "sonn" is not`,
		"*/0 * * * *":   `the minute "*/0": the step after / is to be a number from 1 on`,
		"*/x * * * *":   `the minute "*/x": the step after /`,
		"20-10 * * * *": `the minute "20-10" ends before it begins`,
		"1,,2 * * * *":  `the minute "" is not`,
		"a * * * *":     `the minute "a" is not`,
	} {
		if _, err := ParseCron(schedule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want in it %q", schedule, err, want)
		}
	}
}

func TestWindows(t *testing.T) {
	t.Parallel()
	const zone = "Europe/Berlin"
	berlin := at(t, zone, "2026-12-03 09:00:00").Location()
	office := Window{Cron: cron(t, "0 9 * * 1-4"), Duration: 7 * time.Hour, Location: berlin}
	lunch := Window{Deny: true, Cron: cron(t, "0 12 * * *"), Duration: time.Hour, Location: berlin, Reason: "lunch"}
	holidays := Window{Deny: true, From: at(t, zone, "2026-12-18 00:00:00"), Until: at(t, zone, "2027-01-04 00:00:00"),
		Reason: "end of year"}
	utc := Window{Cron: cron(t, "0 9 * * *"), Duration: time.Hour}
	endless := Window{Deny: true, From: at(t, zone, "2026-12-18 00:00:00")}
	weekend := Window{Cron: cron(t, "0 18 * * 5"), Duration: 62 * time.Hour, Location: berlin}
	never := Window{Cron: cron(t, "0 0 30 2 *"), Duration: time.Hour}
	for _, c := range []struct {
		name               string
		windows            Windows
		at                 string
		open               bool
		why, change, opens string
	}{
		{"none", nil, "2026-12-03 09:00:00", true, "", "", "2026-12-03 09:00:00"},
		{"before it begins", Windows{office}, "2026-12-03 08:59:59", false, "", "2026-12-03 09:00:00", "2026-12-03 09:00:00"},
		{"when it begins", Windows{office}, "2026-12-03 09:00:00", true, "", "2026-12-03 16:00:00", "2026-12-03 09:00:00"},
		{"just before its end", Windows{office}, "2026-12-03 15:59:59", true, "", "2026-12-03 16:00:00",
			"2026-12-03 15:59:59"},
		{"at its end", Windows{office}, "2026-12-03 16:00:00", false, "", "2026-12-07 09:00:00", "2026-12-07 09:00:00"},
		{"denied at noon", Windows{office, lunch}, "2026-12-03 12:30:00", false, "lunch", "2026-12-03 13:00:00",
			"2026-12-03 13:00:00"},
		{"denied, whatever comes first", Windows{lunch, office}, "2026-12-03 12:30:00", false, "lunch", "2026-12-03 13:00:00",
			"2026-12-03 13:00:00"},
		{"after noon", Windows{office, lunch}, "2026-12-03 13:00:00", true, "", "2026-12-03 16:00:00", "2026-12-03 13:00:00"},
		{"a denial alone", Windows{lunch}, "2026-12-03 03:00:00", true, "", "2026-12-03 12:00:00", "2026-12-03 03:00:00"},
		{"holidays", Windows{office, holidays}, "2026-12-18 00:00:00", false, "end of year", "2026-12-21 09:00:00",
			"2027-01-04 09:00:00"},
		{"before holidays", Windows{holidays}, "2026-12-17 23:59:59", true, "", "2026-12-18 00:00:00", "2026-12-17 23:59:59"},
		{"after holidays", Windows{holidays}, "2027-01-04 00:00:00", true, "", "", "2027-01-04 00:00:00"},
		{"in UTC", Windows{utc}, "2026-12-03 10:30:00", true, "", "2026-12-03 11:00:00", "2026-12-03 10:30:00"},
		{"a denial without an end", Windows{endless}, "2026-12-19 00:00:00", false, "", "", ""},
		{"before a denial without an end", Windows{endless}, "2026-12-03 00:00:00", true, "", "2026-12-18 00:00:00",
			"2026-12-03 00:00:00"},
		{"over midnight", Windows{weekend}, "2026-12-06 12:00:00", true, "", "2026-12-07 08:00:00", "2026-12-06 12:00:00"},
		{"one that never comes", Windows{never}, "2026-12-06 12:00:00", false, "", "", ""},
		{"two that allow", Windows{utc, office}, "2026-12-03 08:00:00", false, "", "2026-12-03 09:00:00",
			"2026-12-03 09:00:00"},
		{"either of two is enough", Windows{utc, weekend}, "2026-12-05 12:00:00", true, "", "2026-12-06 10:00:00",
			"2026-12-05 12:00:00"},
	} {
		now := at(t, zone, c.at)
		if open, why := c.windows.Open(now); open != c.open || why != c.why {
			t.Errorf("%s: open %v %q, want %v %q", c.name, open, why, c.open, c.why)
		}
		for what, pair := range map[string]struct {
			got  time.Time
			want string
		}{"changes": {c.windows.Change(now), c.change}, "opens": {c.windows.Opens(now), c.opens}} {
			if pair.want == "" && !pair.got.IsZero() || pair.want != "" && !pair.got.Equal(at(t, zone, pair.want)) {
				t.Errorf("%s: %s at %s, want %q", c.name, what, pair.got, pair.want)
			}
		}
	}
}

// What opens only behind more changes than are looked through is taken for never.
func TestWindowsThatNeverOpenEndTheSearch(t *testing.T) {
	t.Parallel()
	always := Window{Deny: true, Cron: cron(t, "* * * * *"), Duration: time.Hour}
	if got := (Windows{always}).Opens(at(t, "UTC", "2026-12-03 09:00:00")); !got.IsZero() {
		t.Errorf("it opens at %s", got)
	}
}

// A window that begins again before it ends is shut, or open, for good.
func TestWindowsThatCoverAllTimes(t *testing.T) {
	t.Parallel()
	berlin := at(t, "Europe/Berlin", "2026-12-03 09:00:00").Location()
	for _, c := range []struct {
		schedule string
		duration time.Duration
		location *time.Location
		want     bool
	}{
		{"* * * * *", 24 * time.Hour, berlin, true},
		{"* * * * *", time.Minute, nil, true},
		{"* * * * *", time.Minute, berlin, false}, // in the hour that the clock shows twice
		{"0 0 * * *", 24 * time.Hour, nil, true},
		{"0 0 * * *", 24 * time.Hour, time.UTC, true},
		{"0 0 * * *", 24 * time.Hour, berlin, false}, // a day of October has 25 hours
		{"0 0 * * *", 25 * time.Hour, berlin, true},
		{"0 0 * * *", 24*time.Hour - time.Minute, nil, false},
		{"0 6,18 * * *", 12 * time.Hour, nil, true},
		{"0 6,17 * * *", 12 * time.Hour, nil, false},
		{"30 */2 * * *", 2 * time.Hour, nil, true},
		{"0 0 1-31 * 0-6", 24 * time.Hour, nil, true},
		{"0 0 * * 1-5", 24 * time.Hour, nil, false},
		{"0 0 1-30 * *", 24 * time.Hour, nil, false},
		{"0 0 * 1-11 *", 24 * time.Hour, nil, false},
	} {
		w := Window{Deny: true, Cron: cron(t, c.schedule), Duration: c.duration, Location: c.location}
		if got := w.always(); got != c.want {
			t.Errorf("%s for %s in %s: always %v, want %v", c.schedule, c.duration, c.location, got, c.want)
		}
		now := at(t, "UTC", "2026-12-03 09:00:00")
		opens := (Windows{w}).Opens(now)
		if c.want != opens.IsZero() && (c.want || c.duration > time.Minute) {
			t.Errorf("%s for %s in %s opens at %s", c.schedule, c.duration, c.location, opens)
		}
		if at := (Windows{w}).Change(now); c.want != at.IsZero() {
			t.Errorf("%s for %s in %s changes at %s", c.schedule, c.duration, c.location, at)
		}
		if w.Deny = false; c.want && !(Windows{w}).Opens(now).Equal(now) {
			t.Errorf("%s for %s in %s: where it allows, it is shut", c.schedule, c.duration, c.location)
		}
	}
	if (Window{Deny: true, From: at(t, "UTC", "2026-12-03 09:00:00")}).always() {
		t.Error("one that is there once is there always")
	}
}
