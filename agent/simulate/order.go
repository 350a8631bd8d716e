package simulate

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// Act is what an Order has simulated agents do.
type Act string

// The acts, as they are written.
const (
	Delay   Act = "delay"   // apps become healthy so long after they are applied
	Fail    Act = "fail"    // content of an app in which a text occurs becomes degraded in place of healthy
	Degrade Act = "degrade" // an app is degraded until its content changes
	Heal    Act = "heal"    // an app is healthy again, and no order of before makes it fail
	Silent  Act = "silent"  // the agent stays connected, and reports nothing
	Speak   Act = "speak"   // it reports again
	Offline Act = "offline" // the agent closes its session
	Online  Act = "online"  // it connects again
	Reports Act = "reports" // so many reports a second of all agents together, beside those that have news
)

// Order is something that the agents of some clusters are told.
type Order struct {
	Act      Act
	App      string        // as people are shown it, or its key; * for all
	Text     string        // of Fail
	After    time.Duration // of Delay
	Rate     int           // of Reports
	Clusters Pattern
}

// Pattern chooses clusters: names, or globs of them, separated by commas. The empty one chooses all.
type Pattern []string

// parsePattern reads a Pattern.
func parsePattern(text string) (Pattern, error) {
	list := strings.Split(text, ",")
	for _, p := range list {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			return nil, fmt.Errorf("the clusters %.80q: write names or globs, as c00*,c0123", text)
		}
	}
	return list, nil
}

// Has says whether a cluster is chosen.
func (p Pattern) Has(cluster string) bool {
	for _, glob := range p {
		if is, _ := path.Match(glob, cluster); is { // the globs were checked
			return true
		}
	}
	return len(p) == 0
}

// usage is how each act is written; clusters may follow all but Reports.
var usage = map[Act]string{Delay: "delay DURATION [CLUSTERS]", Fail: "fail APP TEXT [CLUSTERS]",
	Degrade: "degrade APP [CLUSTERS]", Heal: "heal APP [CLUSTERS]", Silent: "silent [CLUSTERS]",
	Speak: "speak [CLUSTERS]", Offline: "offline [CLUSTERS]", Online: "online [CLUSTERS]", Reports: "reports PER-SECOND"}

// ParseOrder reads an order from a line, as "fail web shop/web:v2 c00*".
func ParseOrder(line string) (Order, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return Order{}, fmt.Errorf("an order is empty: write one of %s", acts())
	}
	o := Order{Act: Act(words[0])}
	form, known := usage[o.Act]
	if !known {
		return o, fmt.Errorf("unknown order %.80q: write one of %s", words[0], acts())
	}
	needs := len(strings.Fields(strings.TrimSuffix(form, " [CLUSTERS]")))
	most := needs
	if strings.HasSuffix(form, "]") {
		most++
	}
	if len(words) < needs || len(words) > most {
		return o, fmt.Errorf("the order %.80q: write %s", line, form)
	}
	if len(words) > needs {
		var err error
		if o.Clusters, err = parsePattern(words[needs]); err != nil {
			return o, err
		}
	}
	return o, o.take(words[1:needs])
}

// take reads what is between the act and the clusters.
func (o *Order) take(words []string) (err error) {
	switch o.Act {
	case Delay:
		if o.After, err = time.ParseDuration(words[0]); err != nil || o.After < 0 {
			return fmt.Errorf("the duration %.80q: write it as 200ms or 2m", words[0])
		}
	case Reports:
		if o.Rate, err = strconv.Atoi(words[0]); err != nil || o.Rate < 0 {
			return fmt.Errorf("the number of reports a second, %.80q: write a whole number", words[0])
		}
	case Fail:
		o.App, o.Text = words[0], words[1]
	case Degrade, Heal:
		o.App = words[0]
	}
	return nil
}

// acts lists how orders are written.
func acts() string {
	var all []string
	for _, a := range [...]Act{Delay, Fail, Degrade, Heal, Silent, Speak, Offline, Online, Reports} {
		all = append(all, usage[a])
	}
	return strings.Join(all, "; ")
}
