package proto

import (
	"testing"

	"example.com/test/proto/greetingpb"
	"google.golang.org/protobuf/proto"
)

func TestGreeting(t *testing.T) {
	bytes, err := proto.Marshal(&greetingpb.Greeting{Word: "hello", Times: 3})
	if err != nil {
		t.Fatal(err)
	}
	var greeting greetingpb.Greeting
	if err := proto.Unmarshal(bytes, &greeting); err != nil {
		t.Fatal(err)
	}
	if greeting.GetWord() != "hello" || greeting.GetTimes() != 3 {
		t.Errorf("it is %v", &greeting)
	}
}
