package example.wheels;

import java.util.ArrayList;
import java.util.List;

public final class Wheel {
    private final int spokes;

    public Wheel(int spokes) {
        if (spokes < 3) {
            throw new IllegalArgumentException("a wheel has three spokes or more, not " + spokes);
        }
        this.spokes = spokes;
    }

    public static List<Wheel> pair(int spokes) {
        List<Wheel> wheels = new ArrayList<>();
        wheels.add(new Wheel(spokes));
        wheels.add(new Wheel(spokes));
        return wheels;
    }

    @Override
    public String toString() {
        return "Wheel(" + spokes + ")";
    }
}
