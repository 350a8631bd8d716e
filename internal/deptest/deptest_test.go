package deptest_test

import (
	"testing"

	"github.com/drover-dev/drover/internal/deptest"
)

// TestImportsTheStandardLibraryOnly: every other module may import internal, so what it links they all would. Names of
// apps follow from a rule of fleet, which links protocol and no more.
func TestImportsTheStandardLibraryOnly(t *testing.T) {
	deptest.Only(t, "github.com/drover-dev/drover/internal/...", "github.com/drover-dev/drover/internal",
		"github.com/drover-dev/drover/fleet/identity", "github.com/drover-dev/drover/protocol")
}
