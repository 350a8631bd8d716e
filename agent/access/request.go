package access

import "github.com/drover-dev/drover/agent"

// Request is for what is done beside an app, with the rights that the app had when it began.
type Request struct {
	Rights
	Objects agent.Objects
}
