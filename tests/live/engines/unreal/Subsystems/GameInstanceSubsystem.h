#pragma once

class UGameInstanceSubsystem {
public:
    virtual ~UGameInstanceSubsystem() = default;
    virtual void Deinitialize() {}

    using Super = UGameInstanceSubsystem;
};
