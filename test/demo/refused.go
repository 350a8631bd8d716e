package demo

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// refuse commits a value that no API server takes, edits the object meanwhile, and reverts the commit.
func (s *story) refuse(ctx context.Context) error {
	if err := s.repo.replace(pageFile, "colour: green", "colour: 2026"); err != nil {
		return err
	}
	m, err := s.repo.commit("this year's colour")
	if err != nil {
		return err
	}
	s.head = m.hash
	message := ""
	err = each(ctx, s.clusters, func(ctx context.Context, c *cluster) error {
		said, err := s.refused(ctx, c)
		if c == s.clusters[0] {
			message = said
		}
		return err
	})
	if err != nil {
		return err
	}
	s.screen.saw(time.Since(m.at), "refused in all %d clusters, which keep the last applied version; drover status says:",
		len(s.clusters))
	s.screen.quote(message)
	c := s.get("production-us-east-1")
	s.screen.note("A live edit is healed to the last applied version:")
	astray, back := entry(pageConfig, "colour", "red"), entry(pageConfig, "colour", "green")
	if err := s.edit(ctx, c, editor, `{"data":{"colour":"red"}}`, astray, back); err != nil {
		return err
	}
	if m, err = s.repo.revert(); err != nil {
		return err
	}
	s.head = m.hash
	if err := s.hub.untilGood(ctx, s.head, len(s.clusters)); err != nil {
		return err
	}
	s.screen.saw(time.Since(m.at), "status-page: healthy again in all %d clusters", len(s.clusters))
	return nil
}

// refused waits until the status of a cluster says what is wrong with the status page, and that nothing else is. It
// returns what is said.
func (s *story) refused(ctx context.Context, c *cluster) (message string, err error) {
	const want = `data.colour must be a string: quote it: colour: "2026"`
	what := fmt.Sprintf("drover status %s: status-page failed with %s, payment-service healthy", c.name, want)
	err = until(ctx, what, func() (bool, string) {
		d, err := s.hub.cluster(ctx, c.name)
		if err != nil {
			return false, err.Error()
		}
		var seen []string
		good := 0
		for _, a := range d.AppRows {
			seen = append(seen, fmt.Sprintf("%s is %s (%s) %s", a.Name, a.Phase, a.Health, a.Message))
			switch {
			case a.Name == "status-page" && a.Phase == "failed" && strings.Contains(a.Message, want):
				message = a.Message
				good++
			case a.Name == "payment-service" && a.Phase == "healthy":
				good++
			}
		}
		return good == 2, strings.Join(seen, "; ")
	})
	return message, err
}
