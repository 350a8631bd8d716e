package limits

import (
	"sync"
	"time"
)

const (
	// lanePace is the least time between two tasks of one lane: a client that floods the hub with requests slows
	// down nobody
	// else.
	lanePace = 10 * time.Millisecond
	// laneQueue is how many tasks may wait in one lane.
	laneQueue = 16
	// laneSlots is how many tasks run at once: each may hold a thread while it writes to the disk.
	laneSlots = 16
)

// Lanes run tasks: those of one lane in order, those of different lanes side by side.
type Lanes struct {
	mu      sync.Mutex
	waiting map[string][]func() // by lane; a lane that is there has a goroutine
	closed  bool
	slots   chan struct{}
	running sync.WaitGroup
}

// NewLanes returns lanes that run nothing yet.
func NewLanes() *Lanes {
	return &Lanes{waiting: map[string][]func(){}, slots: make(chan struct{}, laneSlots)}
}

// Do has a task run, and says whether it will: a lane that is full takes no more.
func (l *Lanes) Do(lane string, task func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue, open := l.waiting[lane]
	if l.closed || len(queue) >= laneQueue {
		return false
	}
	l.waiting[lane] = append(queue, task)
	if !open {
		l.running.Go(func() { l.run(lane) })
	}
	return true
}

func (l *Lanes) run(lane string) {
	for {
		l.mu.Lock()
		queue := l.waiting[lane]
		if len(queue) == 0 {
			delete(l.waiting, lane)
			l.mu.Unlock()
			return
		}
		l.waiting[lane] = queue[1:]
		l.mu.Unlock()
		l.slots <- struct{}{}
		queue[0]()
		<-l.slots
		time.Sleep(lanePace)
	}
}

// Close takes no more tasks, and waits for those there are.
func (l *Lanes) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.running.Wait()
}
