package deptest_test

import (
	"testing"

	"github.com/drover-dev/drover/internal/deptest"
)

// TestImportsTheStandardLibraryOnly: every other module may import internal, so what it links they all would.
func TestImportsTheStandardLibraryOnly(t *testing.T) {
	deptest.Only(t, "github.com/drover-dev/drover/internal/...", "github.com/drover-dev/drover/internal")
}
