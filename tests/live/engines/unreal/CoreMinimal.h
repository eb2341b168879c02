// The names of Unreal that the recipe uses, to compile it: it has not run in Unreal.
#pragma once
#include <cstdint>

using TCHAR = char16_t;
using int32 = int32_t;
using uint16 = uint16_t;

class FString {
public:
    const TCHAR *operator*() const { return u""; }
};

class FTCHARToUTF8 {
public:
    explicit FTCHARToUTF8(const TCHAR *) {}
    const char *Get() const { return ""; }
    int32 Length() const { return 0; }
};

#define TEXT(text) u##text
#define UTF8_TO_TCHAR(text) (static_cast<void>(text), u"")
#define UE_LOG(category, level, format, ...) static_cast<void>(__VA_ARGS__)
#define UCLASS(...)
#define GENERATED_BODY()
