package testenv

import "testing"

func TestMain(m *testing.M) { Main(m, WithControllers(), WithNodes(2), WithAudit()) }
