//go:build !linux

package host

import (
	"github.com/drover-dev/drover/hub/renderers"
	"github.com/drover-dev/drover/internal/memory"
)

// confine bounds the memory, where the system can: files are not kept from plugins here.
func confine([]string) error { return memory.Limit(renderers.MaxMemory) }

// adopt and endAll do nothing here: drover ends the group of the process.
func adopt() {}

func endAll() {}
