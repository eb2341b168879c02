// The names of godot-cpp that the recipe uses, to compile it: it has not run in Godot.
#pragma once
#include <cstdint>

namespace godot {

class CharString {
public:
    const char *get_data() const { return ""; }
    int64_t length() const { return 0; }
};

class String {
public:
    CharString utf8() const { return {}; }
};

class Dictionary {};

class Variant {
public:
    Variant(const Dictionary &) {}
    Variant(const char *) {}
};

class Node {
public:
    virtual ~Node() = default;
    virtual void _exit_tree() {}
};

} // namespace godot

#define GDCLASS(name, base)
