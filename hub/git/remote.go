package git

import "errors"

func newRemote(location, Options) (origin, error) { return nil, errors.New("todo") }
