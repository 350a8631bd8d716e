package model

import (
	"runtime"
)

// QuickRenders is how many renders run at once that do not take long.
func QuickRenders() int { return runtime.GOMAXPROCS(0) + 1 }

// SlowRenders is how many renders run at once that take long.
func SlowRenders() int { return max(2, runtime.GOMAXPROCS(0)) }

// RendersAtOnce is how many charts and folders the hub renders at once.
func RendersAtOnce() int { return QuickRenders() + SlowRenders() }
