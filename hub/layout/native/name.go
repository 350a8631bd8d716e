package native

import (
	"fmt"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/protocol"
)

// checkName says what is wrong with the name of an App. One that looks like the key of an app of another tool might be
// that of one.
func checkName(name string) error {
	if err := protocol.CheckName(name); err != nil {
		return err
	}
	if bare, is := identity.Bare(name); is {
		return fmt.Errorf("the name %q ends as the keys of apps do that other tools declare, in -- and 20 letters and digits: "+
			"choose another, such as %s", name, bare)
	}
	return nil
}
