package bad

import (
	"os"
	"testing"
	"time"
)

func TestFail(t *testing.T) { t.Error("first") }

func TestNext(t *testing.T) { t.Error("next") }

func TestExit(*testing.T) { os.Exit(0) }

func TestSleep(*testing.T) { time.Sleep(time.Hour) }

func TestSpin(*testing.T) {
	for n := 0; ; n++ {
	}
}
