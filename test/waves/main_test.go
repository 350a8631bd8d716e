package waves

import (
	"testing"

	"github.com/drover-dev/drover/test/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
