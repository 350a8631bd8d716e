package agent

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/phrase"
)

// Controller is the owner that controls an object; nil if there is none.
func (l *Live) Controller() *Owner {
	for i := range l.Owners {
		if l.Owners[i].Controller {
			return &l.Owners[i]
		}
	}
	return nil
}

// OwnerUIDs are the uids of an object's owners.
func (l *Live) OwnerUIDs() (uids []string) {
	for _, o := range l.Owners {
		uids = append(uids, o.UID)
	}
	return uids
}

// Formerly says whether other tools, but for some managers, may have applied an object before.
func (l *Live) Formerly(first bool, but []string) bool {
	return slices.ContainsFunc(l.Managed, func(m Managed) bool {
		return !slices.Contains(but, m.Manager) && fleet.FormerManager(m.Manager, m.Operation, m.Subresource, first) != fleet.ToolNone
	})
}

// Changed says who changed what.
func (c Culprit) Changed() string {
	by := c.Manager
	if by == "" {
		by = "somebody who left no trace"
	}
	fields := strings.Join(c.Fields, ", ")
	if c.More > 0 {
		fields += phrase.More(c.More)
	}
	return fmt.Sprintf("%s changed %s", by, fields)
}
