// Asks endpoints with the official Go SDK: lines `ID URL` on standard input, one JSON line for each of four answers.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

const patience = 10 * time.Second

type seen struct {
	Texts    []string `json:"texts"`
	Calls    [][]any  `json:"calls"`
	Thinking []string `json:"thinking"`
	Stop     any      `json:"stop"`
	Usage    []string `json:"usage"`
}

type line struct {
	ID     string `json:"id"`
	Asked  string `json:"asked"`
	Answer *seen  `json:"answer,omitempty"`
	Error  string `json:"error,omitempty"`
}

func asked(kind string) anthropic.MessageNewParams {
	if kind == "text" {
		return anthropic.MessageNewParams{
			Model:     "scripted",
			MaxTokens: 256,
			Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("Reply with exactly: alpha beta\ngamma"))},
		}
	}
	calls := `Call these tools in one turn: lookup {"key": "one", "n": 3}; lookup {"key": "two"}`
	properties := map[string]any{"key": map[string]any{"type": "string"}, "n": map[string]any{"type": "integer"}}
	tool := anthropic.ToolParam{Name: "lookup", InputSchema: anthropic.ToolInputSchemaParam{Properties: properties}}
	return anthropic.MessageNewParams{
		Model:     "scripted",
		MaxTokens: 4096,
		Thinking:  anthropic.ThinkingConfigParamOfEnabled(1024),
		Tools:     []anthropic.ToolUnionParam{{OfTool: &tool}},
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(calls))},
	}
}

func reported(message *anthropic.Message) *seen {
	found := &seen{Texts: []string{}, Calls: [][]any{}, Thinking: []string{}, Stop: string(message.StopReason), Usage: []string{"int", "int"}}
	for _, block := range message.Content {
		switch block.Type {
		case "text":
			found.Texts = append(found.Texts, block.Text)
		case "thinking":
			found.Thinking = append(found.Thinking, block.Thinking)
		case "tool_use":
			var input any
			if json.Unmarshal(block.Input, &input) != nil {
				input = string(block.Input)
			}
			found.Calls = append(found.Calls, []any{block.Name, input})
		}
	}
	return found
}

func ask(client anthropic.Client, kind string, mode string) (found *seen, problem error) {
	defer func() {
		if broken := recover(); broken != nil {
			problem = fmt.Errorf("panic")
		}
	}()
	limited, done := context.WithTimeout(context.Background(), patience)
	defer done()
	if mode == "json" {
		message, problem := client.Messages.New(limited, asked(kind))
		if problem != nil {
			return nil, problem
		}
		return reported(message), nil
	}
	stream := client.Messages.NewStreaming(limited, asked(kind))
	message := anthropic.Message{}
	for stream.Next() {
		if problem := message.Accumulate(stream.Current()); problem != nil {
			return nil, problem
		}
	}
	if stream.Err() != nil {
		return nil, stream.Err()
	}
	return reported(&message), nil
}

func main() {
	input := bufio.NewScanner(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	for input.Scan() {
		id, url, _ := strings.Cut(strings.TrimSpace(input.Text()), " ")
		client := anthropic.NewClient(option.WithBaseURL(url), option.WithAPIKey("none"), option.WithMaxRetries(0))
		for _, kind := range []string{"text", "tools"} {
			for _, mode := range []string{"json", "stream"} {
				found, problem := ask(client, kind, mode)
				answer := line{ID: id, Asked: kind + " " + mode, Answer: found}
				if problem != nil {
					answer.Answer, answer.Error = nil, fmt.Sprintf("%T", problem)
				}
				output.Encode(answer)
			}
		}
	}
}
