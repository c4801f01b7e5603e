package main

import (
	"fmt"
	"net/http"
)

func greet(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	if name == "" {
		http.Error(w, "who is it?", http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "good morning, %s\n", name)
}

func main() {
	http.HandleFunc("/greet", greet)
	if err := http.ListenAndServe("127.0.0.1:8080", nil); err != nil {
		fmt.Println(err)
	}
}
