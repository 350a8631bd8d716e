package testenv

// retryPorts calls start again, with new ports, for as long as somebody else was faster to take them.
func retryPorts(start func() error) error {
	var err error
	for range 5 {
		if err = start(); !portTaken(err) {
			return err
		}
	}
	return err
}
